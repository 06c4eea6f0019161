import fc from 'fast-check'
import { test } from 'tap'
import { LabError } from '../../../scripts/lab/errors.ts'
import type { Archive, Backup } from '../../../scripts/lab/postgres/repository.ts'
import {
  abandonedIn,
  gapsIn,
  isAhead,
  leftBefore,
  segmentIn,
  segmentName,
  wayTo,
} from '../../../scripts/lab/rules/history.ts'
import { assertArchived, type Goal, restorePlan } from '../../../scripts/lab/rules/restore-plan.ts'

const HOUR = 3600
const backup = (label: string, timeline: number, nth: number, ended: number): Backup => ({
  ...{ label, type: 'full', began: ended - 5, ended, timeline, size: 1, stored: 1 },
  firstSegment: segmentName(timeline, BigInt(nth)),
  endLsn: `0/${nth.toString(16).toUpperCase()}000100`,
})
const segments = (timeline: number, from: number, to: number): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => segmentName(timeline, BigInt(from + index)))

/** Two backups on the first timeline; a failover in segment 8; a backup on the second; a restore back to segment 5. */
const ARCHIVE: Archive = {
  on: true,
  backups: [backup('one', 1, 2, HOUR), backup('two', 1, 6, 2 * HOUR), backup('three', 2, 10, 3 * HOUR)],
  segments: [...segments(1, 2, 8), ...segments(2, 8, 12), ...segments(3, 5, 7)].sort(),
  branches: [
    { timeline: 2, from: 1, at: '0/8000500', began: 2.4 * HOUR },
    { timeline: 3, from: 1, at: '0/5000500', began: 4 * HOUR },
  ],
  marks: [{ name: 'before', at: 2.5 * HOUR, lsn: '0/9000000', timeline: 2 }],
}
const NOW = 10 * HOUR * 1000
const at = (hours: number): Goal => ({ kind: 'time', at: hours * HOUR * 1000 })

test('a restore begins with the newest backup that was complete before its goal, on the way to the timeline', async (t) => {
  const cases: readonly (readonly [Goal, number | undefined, string])[] = [
    [at(1.5), 1, 'one'],
    [at(2.5), 1, 'two'],
    [at(9), 1, 'two'],
    [at(1.5), 2, 'one'],
    [at(2.5), 2, 'two'],
    [at(3.5), 2, 'three'],
    // Nothing after its fork leads to the third timeline, which is the newest.
    [at(2.5), undefined, 'one'],
    [at(9), undefined, 'one'],
    [{ kind: 'end' }, 2, 'three'],
    [{ kind: 'end' }, undefined, 'one'],
    [{ kind: 'lsn', lsn: '0/6000100' }, 2, 'two'],
    [{ kind: 'lsn', lsn: '0/60000FF' }, 2, 'one'],
    [{ kind: 'name', name: 'before' }, 2, 'two'],
  ]
  for (const [goal, timeline, label] of cases) {
    const plan = restorePlan(ARCHIVE, goal, timeline, NOW)
    t.equal(plan.backup.label, label, `${JSON.stringify(goal)} along ${timeline ?? 'the newest'}`)
    t.equal(plan.restoring.timeline, String(timeline ?? 3))
  }
})

test('what cannot be restored is refused with what can', async (t) => {
  const cases: readonly (readonly [Archive, Goal, number | undefined, string, RegExp])[] = [
    [{ ...ARCHIVE, backups: [] }, at(1), undefined, 'NO_BACKUP', /no backup yet/],
    [
      ARCHIVE,
      at(0.5),
      1,
      'BEFORE_FIRST_BACKUP',
      /earliest possible moment is 1970-01-01 01:00:01\.000\+00, the earliest LSN 0\/2000100/,
    ],
    // It ended in that second, perhaps after that moment.
    [ARCHIVE, at(1), 1, 'BEFORE_FIRST_BACKUP', /timeline 1/],
    [ARCHIVE, { kind: 'lsn', lsn: '0/1' }, 2, 'BEFORE_FIRST_BACKUP', /before LSN 0\/1\./],
    [ARCHIVE, at(11), 1, 'MOMENT_AHEAD', /has not come yet: it is 1970-01-01 10:00/],
    [ARCHIVE, at(2), 7, 'NO_SUCH_TIMELINE', /timeline 7, only of 1, 2, 3/],
    [ARCHIVE, { kind: 'name', name: 'other' }, 2, 'NO_SUCH_MARK', /there are: before/],
    [ARCHIVE, { kind: 'name', name: 'before' }, 3, 'MARK_ELSEWHERE', /on timeline 2/],
  ]
  for (const [archive, goal, timeline, code, says] of cases) {
    const refused = (() => {
      try {
        return restorePlan(archive, goal, timeline, NOW).backup.label
      } catch (error) {
        return error
      }
    })()
    if (!(refused instanceof LabError)) t.fail(`${code}: ${String(refused)}`)
    else t.match({ code: refused.code, says: refused.message }, { code, says })
  }
})

test('a segment that is missing between others is found, whichever it is; none is found if none is missing', async (t) => {
  t.strictSame(gapsIn(ARCHIVE), [])
  const archive: Archive = {
    ...ARCHIVE,
    segments: [...segments(1, 2, 8), ...segments(2, 8, 12)],
    branches: ARCHIVE.branches.slice(0, 1),
  }
  t.strictSame(gapsIn(archive), [])
  const needed = [...segments(1, 2, 7), ...segments(2, 8, 11)]
  for (const gone of needed) {
    const found = gapsIn({ ...archive, segments: archive.segments.filter((name) => name !== gone) })
    const before = archive.backups.filter(({ firstSegment }) => firstSegment.slice(8) <= gone.slice(8))
    t.strictSame(
      found.map(({ backup: { label }, segment }) => ({ label, segment })),
      before.map(({ label }) => ({ label, segment: gone })),
      gone,
    )
  }
})

test('a segment is found again by its name, and a way ends although timelines name each other', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 }), fc.bigInt(0n, 2n ** 36n), (timeline, nth) => {
      const there = segmentIn(segmentName(timeline, nth))
      return there.timeline === timeline && there.nth === nth
    }),
  )
  fc.assert(
    fc.property(
      fc.array(fc.record({ timeline: fc.nat(5), from: fc.nat(5), at: fc.constant('0/1'), began: fc.nat() })),
      (branches) => wayTo(5, branches).length <= 7,
    ),
  )
  t.strictSame(wayTo(2, ARCHIVE.branches), [
    { timeline: 1, until: '0/8000500' },
    { timeline: 2, until: undefined },
  ])
})

test('an archive is ahead of a database if it has what that one has not written to the end', async (t) => {
  const last = segmentName(2, 5n)
  t.equal(isAhead(last, 2, '0/5FFFFFF'), true)
  t.equal(isAhead(last, 2, '0/6000000'), false, 'at the end of the segment itself')
  t.equal(isAhead(last, 1, '0/9000000'), true)
  t.equal(isAhead(last, 3, '0/4000000'), false)
})

test('a timeline of which nothing was archived is no way to a goal after its beginning', async (t) => {
  const archive = { ...ARCHIVE, segments: ARCHIVE.segments.filter((name) => !name.startsWith('00000003')) }
  const refusal = (from: Archive, goal: Goal, timeline: number) => {
    try {
      assertArchived(from, goal, restorePlan(from, goal, timeline, NOW))
      return undefined
    } catch (error) {
      return error instanceof LabError ? `${error.code}: ${error.message}` : String(error)
    }
  }
  for (const goal of [{ kind: 'end' }, at(9), { kind: 'lsn', lsn: '0/5000500' }] as const) {
    t.match(refusal(archive, goal, 3), /TIMELINE_NOT_ARCHIVED: .*timeline 3 left timeline 1 at LSN 0\/5000500/)
    t.equal(refusal(ARCHIVE, goal, 3), undefined)
  }
  t.equal(refusal(archive, { kind: 'lsn', lsn: '0/50004FF' }, 3), undefined, 'before its beginning it is the way')
  t.equal(refusal(archive, { kind: 'end' }, 2), undefined)
  // Nothing in the archive comes to that position.
  t.match(
    refusal(ARCHIVE, { kind: 'lsn', lsn: '0/D000000' }, 2),
    /LSN_NOT_ARCHIVED: .*last segment there is 00000002.*0C/,
  )
  t.equal(refusal(ARCHIVE, { kind: 'lsn', lsn: '0/CFFFFFF' }, 2), undefined)
})

test('a timeline is abandoned if it has WAL that the newest does not come from', async (t) => {
  t.strictSame(abandonedIn(ARCHIVE), [1, 2])
  // After a failover whose old primary had archived nothing past the fork, nothing is lost with its timeline.
  const failedOver = {
    ...ARCHIVE,
    segments: [...segments(1, 2, 7), ...segments(2, 8, 12)],
    branches: ARCHIVE.branches.slice(0, 1),
  }
  t.strictSame(abandonedIn(failedOver), [])
})

test('a restore says that it left the timeline of its moment, only if it replayed up to that point', async (t) => {
  const hour = (hours: number) => hours * HOUR * 1000
  t.equal(leftBefore(ARCHIVE, 3, hour(2.2), '0/5000800'), 1, 'before the failover it was on timeline 1')
  t.equal(leftBefore(ARCHIVE, 3, hour(3), '0/5000800'), 2, 'after it on timeline 2, which 3 does not come from')
  t.equal(leftBefore(ARCHIVE, 3, hour(1.5), '0/5000400'), undefined, 'before the fork both are one')
  t.equal(leftBefore(ARCHIVE, 3, hour(5), '0/6000000'), undefined, 'after the timeline began')
  t.equal(leftBefore(ARCHIVE, 1, hour(2.2), '0/8000000'), undefined, 'along the old timeline nothing is left')
})

test('a mark that is not on the way to the newest timeline is looked for on its own', async (t) => {
  t.equal(restorePlan(ARCHIVE, { kind: 'name', name: 'before' }, undefined, NOW).timeline, 2)
})
