import fc from 'fast-check'
import { test } from 'tap'
import type { Down } from '../../../scripts/lab/postgres/data.ts'
import type { Facts } from '../../../scripts/lab/postgres/observe.ts'
import { type Answering, type Sight, sightOf } from '../../../scripts/lab/postgres/sights.ts'
import { filledTo, segmentName } from '../../../scripts/lab/postgres/wal-end.ts'
import { hearing, mayHaveAlone, type Promoting, planOf, unheardBy } from '../../../scripts/lab/rules/failover-plan.ts'
import { aheadOf } from '../../../scripts/lab/rules/members.ts'
import { chosenText } from '../../../scripts/lab/rules/plan-text.ts'
import type { DatabaseName } from '../../../scripts/lab/topology/topology.ts'
import { data, drawn, lettersOf, sight } from './lab.ts'

const primary = sight('db-primary', {})
const standby = sight('db-replica', { inRecovery: true })
const gone = sight('db-primary', undefined, 'exited')

test('the standby is promoted, whether the primary lives, is silent or is gone', async (t) => {
  for (const old of [primary, sight('db-primary', undefined), gone])
    t.match(planOf([old, standby], {}), {
      kind: 'promote',
      candidate: { node: { name: 'db-replica' } },
      fence: [{ node: { name: 'db-primary' } }],
    })
})

test('of two standbys the one with more of the history is promoted', async (t) => {
  const behind = sight('db-primary', { inRecovery: true, receivedLsn: '0/5000000' })
  const ahead = sight('db-replica', { inRecovery: true, receivedLsn: '0/5000001' })
  t.match(planOf([behind, ahead], {}), { candidate: { node: { name: 'db-replica' } } })
  const newer = sight('db-primary', { inRecovery: true, timeline: 2, receivedLsn: '0/4000000' })
  t.match(planOf([newer, ahead], {}), { candidate: { node: { name: 'db-primary' } } })
})

const second = sight('db-replica-2', { inRecovery: true, receivedLsn: '0/5000000' })
const first = sight('db-replica', { inRecovery: true, receivedLsn: '0/4000000' })

test('of several standbys the one with most is promoted and the others follow, unless another one is chosen', async (t) => {
  const old = sight('db-primary', undefined)
  t.match(planOf([old, first, second], {}), {
    candidate: { node: { name: 'db-replica-2' } },
    fence: [{ node: { name: 'db-primary' } }],
    follow: [{ node: { name: 'db-replica' } }],
  })
  t.match(planOf([old, first, second], {}, 'db-replica'), {
    candidate: { node: { name: 'db-replica' } },
    follow: [{ node: { name: 'db-replica-2' } }],
  })
  t.match(planOf([old, first, second], {}, 'db-primary'), { code: 'NOT_A_STANDBY' })
})

test('of standbys that have the same, one that follows no other standby is promoted', async (t) => {
  const sights = drawn({ P: 'silent', A: 'B', B: 'P', C: 'A' })
  t.match(planOf(sights, {}), { candidate: { node: { name: 'db-replica-2' } } })
  t.match(planOf(sights, {}, 'db-replica'), { candidate: { node: { name: 'db-replica' } } })
})

test("of several silent ones, those whose data is a standby's are not fenced", async (t) => {
  const silent = sight('db-replica', undefined)
  const down = { 'db-primary': data('primary'), 'db-replica': data('standby') }
  t.match(planOf([gone, silent, second], down), {
    candidate: { node: { name: 'db-replica-2' } },
    fence: [{ node: { name: 'db-primary' } }],
    follow: [{ node: { name: 'db-replica' } }],
  })
  const unknown = planOf([gone, silent, second], {})
  t.match(unknown, { fence: [{ node: { name: 'db-primary' } }, { node: { name: 'db-replica' } }], follow: [] })
})

test('one that an earlier failover left behind has nothing to lose, and nothing to say about a commit; one that it did not replace may have', async (t) => {
  const silent = sight('db-replica', undefined, 'exited')
  const promoted = sight('db-replica-2', { inRecovery: true, timeline: 2, chosenLevel: 'on any 1' })
  const follower = sight('db-replica-3', { inRecovery: true, timeline: 2 })
  const plan = (timeline: number) =>
    planOf([gone, silent, promoted, follower], {
      'db-primary': data('fenced', timeline),
      'db-replica': data('fenced', 2),
    })
  const left = plan(1)
  t.match(left, { wrote: [{ node: { name: 'db-replica' } }], left: [{ node: { name: 'db-primary' } }] })
  t.match(
    left,
    { fence: [{ node: { name: 'db-replica' } }, { node: { name: 'db-primary' } }] },
    'the newest comes first',
  )
  t.strictSame(unheardBy(left as Promoting), [], 'all that can have a commit were heard')
  t.match(plan(2), { wrote: [{ node: { name: 'db-primary' } }, { node: { name: 'db-replica' } }], left: [] })
  t.equal(unheardBy(plan(2) as Promoting).length, 2)
})

test('a standby is ahead of another by its timeline, then by what it has received', async (t) => {
  const candidate = first as Answering
  t.match(aheadOf(candidate, [second]), { node: { name: 'db-replica-2' } })
  t.equal(aheadOf(second as Answering, [first]), undefined)
  t.equal(aheadOf(candidate, [first, gone]), undefined)
})

test('a primary beside a fenced node: the failover is done; beside another former primary: that one must not be started', async (t) => {
  const promoted = sight('db-replica', { timeline: 2 })
  t.match(planOf([gone, promoted], { 'db-primary': data('fenced') }), {
    kind: 'done',
    primary: { node: { name: 'db-replica' } },
  })
  t.match(planOf([gone, promoted], { 'db-primary': data('primary') }), {
    code: 'ALREADY_PROMOTED',
    message: /db-replica is the primary already/,
    fix: /do not start db-primary as it is: zx scripts\/rejoin\.ts/,
  })
})

test('with no standby that answers there is nobody to promote; with two primaries there is nothing to decide', async (t) => {
  const promoted = sight('db-replica', { timeline: 2 })
  t.match(planOf([gone, promoted], { 'db-primary': data('standby') }), { code: 'NOTHING_TO_PROMOTE' })
  const both = { 'db-primary': data('primary'), 'db-replica': data('standby') }
  t.match(planOf([gone, sight('db-replica', undefined)], both), { code: 'NOTHING_TO_PROMOTE' })
  t.match(planOf([primary, promoted], {}), { code: 'SPLIT_BRAIN' })
})

test('WAL ends in its last own page, not in the old pages that a reused file still contains', async (t) => {
  const segment = Buffer.alloc(16 * 1024 * 1024)
  const start = 0x2000000n
  segment.fill(7)
  for (const page of [0, 1]) segment.writeBigUInt64LE(start + BigInt(page * 8192), page * 8192 + 8)
  segment.fill(0, 8192 + 100, 2 * 8192)
  t.equal(filledTo(segment, start), 8192 + 100)
  t.equal(filledTo(segment, start + 0x1000000n), 0)
  t.equal(segmentName(2, 0x1_2345_6789n), '000000020000000100000023')
})

const third = (facts?: Partial<Facts>) =>
  sight('db-replica-3', facts && { inRecovery: true, receivedLsn: '0/5000000', ...facts }, facts ? 'running' : 'exited')

test('the check says in one line what each standby has received, and why one of them is promoted', async (t) => {
  const textOf = (sights: readonly Sight[], to?: DatabaseName) => {
    const plan = planOf(sights, { 'db-replica-3': data('standby') }, to)
    return 'candidate' in plan ? chosenText(plan) : `${plan}`
  }
  const most =
    /^db-replica-2 has most: up to 0\/5000000, and has still .*; db-replica 0\/4000000, db-replica-3: its container is exited$/
  t.match(textOf([gone, first, second, third()]), most)
  t.match(
    textOf([gone, first, second, third()], 'db-replica'),
    /^db-replica was chosen and has less than another: up to 0\/4/,
  )
  t.match(textOf([gone, first, second, third({})]), /^db-replica-2 has as much as any: .*; db-replica-3 0\/5000000, /)
  t.match(textOf([gone, first, third({ timeline: 2, receivedLsn: '0/4' })]), /; db-replica 0\/4000000 on timeline 1$/)
  t.match(textOf([gone, first]), /^db-replica has received up to 0\/4000000/)
})

test('a silent database may alone have an acknowledged vote also if the primary answers, and if standbys have an order', async (t) => {
  const alone = (chosenLevel: string, ...sights: readonly Sight[]) => {
    const it = sights.map(({ node, state, facts }) => sightOf(node, state, facts && { ...facts, chosenLevel }))
    return mayHaveAlone(
      planOf(it, { 'db-primary': data('primary'), 'db-replica-3': data('standby') }) as Promoting,
    ).map(({ node }) => node.name)
  }
  t.strictSame(alone('on', gone, first, second, third()), ['db-primary', 'db-replica-3'])
  t.strictSame(alone('on first db-replica', primary, first, second, third()), ['db-replica-3'])
  t.strictSame(alone('on any 1', primary, first, second, third()), ['db-replica-3'])
  t.strictSame(alone('on any 2', primary, first, second, third()), [])
  t.strictSame(alone('on', gone, first, second, third({})), [])
  t.strictSame(alone('async', gone, first, second, third()), [])
})

test('silent databases that may alone have an acknowledged vote are named, if the primary is one of them', async (t) => {
  const unheard = (chosenLevel: string, ...sights: readonly Sight[]) => {
    const it = sights.map(({ node, state, facts }) => sightOf(node, state, facts && { ...facts, chosenLevel }))
    return unheardBy(planOf(it, { 'db-primary': data('primary'), 'db-replica-3': data('standby') }) as Promoting).map(
      ({ node }) => node.name,
    )
  }
  t.strictSame(unheard('on any 1', gone, first, second, third()), ['db-primary', 'db-replica-3'])
  t.strictSame(unheard('on any 1', gone, first, second, third({})), [])
  t.strictSame(unheard('on any 2', gone, first, second, third()), [])
  t.strictSame(unheard('on', gone, first, second, third()), [])
  t.strictSame(unheard('async', gone, first, second, third()), [])
  t.strictSame(unheard('on any 1', primary, first, second, third()), [], 'the primary answers')
})

test('one whose container was removed is silent: it is neither fenced nor forgotten, and may have been the primary', async (t) => {
  const sights = (standbys: string, ...removed: readonly DatabaseName[]) =>
    drawn({ P: 'silent', A: 'P', B: 'P', C: standbys }).map(({ node, state, facts }) =>
      sightOf(node, removed.includes(node.name) ? 'absent' : state, facts && { ...facts, chosenLevel: 'on any 2' }),
    )
  const cases: readonly (readonly [string, readonly Sight[], Down, string, string, string])[] = [
    ['a standby', sights('silent', 'db-replica-3'), { 'db-primary': data('primary') }, 'P', 'P', ''],
    ['the primary', sights('P', 'db-primary'), {}, '', 'P', ''],
    ['both', sights('silent', 'db-primary', 'db-replica-3'), {}, '', 'PC', ''],
    // On a newer timeline nobody needs the old primary; without its data any of them may have been the new one.
    ['the old primary', sights('silent', 'db-primary'), { 'db-replica-3': data('primary', 2) }, 'C', 'C', ''],
    [
      'a primary on another timeline',
      sights('silent', 'db-primary'),
      { 'db-replica-3': data('primary', 0) },
      'C',
      'CP',
      '',
    ],
  ]
  for (const [name, seen, down, fence, wrote, unheard] of cases) {
    const plan = planOf(seen, down) as Promoting
    t.equal(plan.kind, 'promote', name)
    t.strictSame(
      [lettersOf(plan.fence), lettersOf(plan.wrote), lettersOf(unheardBy(plan))],
      [fence, wrote, unheard],
      name,
    )
  }
  const silent = sights('silent', 'db-replica-3').map((it) =>
    it.node.name === 'db-replica-2' ? sightOf(it.node, 'exited', undefined) : it,
  )
  const down = { 'db-primary': data('primary'), 'db-replica-2': data('standby') }
  t.equal(lettersOf(unheardBy(planOf(silent, down) as Promoting)), 'PBC', 'too few are heard')
})

test('a silent standby that follows another one is not missed, and one that answers does not count', async (t) => {
  const told = (chosenLevel: string, picture: Parameters<typeof drawn>[0], down: Down) => {
    const sights = drawn(picture).map((it) => ({ ...it, facts: it.facts && { ...it.facts, chosenLevel } }))
    const plan = planOf(sights, { 'db-primary': data('primary'), ...down }) as Promoting
    const { of, heard } = hearing(plan)
    return `${heard} of ${of}, ${lettersOf(unheardBy(plan)) || 'enough'}`
  }
  const cascaded = { 'db-replica-2': data('standby', 1, 'db-replica') }
  const behind = { P: 'silent', A: 'P', B: 'silent', C: 'P' }
  t.equal(told('on any 1', behind, cascaded), '2 of 2, enough')
  t.equal(told('on any 1', behind, { 'db-replica-2': data('standby') }), '2 of 3, PB')
  t.equal(told('on any 1', { ...behind, B: 'A' }, {}), '2 of 2, enough')
  t.equal(told('on any 1', { ...behind, C: 'silent' }, { ...cascaded, 'db-replica-3': data('standby') }), '1 of 2, PC')
  const left = { P: 'silent', A: 'silent', B: 'A' }
  t.equal(told('on any 1', left, { 'db-replica': data('standby') }), '0 of 1, PA', 'the one that answers may lack it')
  t.equal(told('async', left, { 'db-replica': data('standby') }), '0 of 1, enough')
})

/** What each standby follows, without circles. */
const TREES = fc.constantFrom(
  ...[
    { A: 'P', B: 'P', C: 'P' },
    { A: 'P', B: 'A', C: 'P' },
    { A: 'P', B: 'P', C: 'B' },
    { A: 'P', B: 'A', C: 'A' },
  ],
  ...[
    { A: 'P', B: 'A', C: 'B' },
    { A: 'B', B: 'P', C: 'P' },
    { A: 'B', B: 'C', C: 'P' },
  ],
)
type Letter = 'A' | 'B' | 'C'
const NAMES = { P: 'db-primary', A: 'db-replica', B: 'db-replica-2', C: 'db-replica-3' } as const

test('also with a cascade nobody is promoted if only silent standbys may have a commit that was acknowledged', async (t) => {
  const standbys = fc.record({ A: fc.boolean(), B: fc.boolean(), C: fc.boolean() })
  fc.assert(
    fc.property(TREES, standbys, standbys, fc.integer({ min: 1, max: 3 }), (tree, received, answers, count) => {
      const letters = Object.keys(tree) as Letter[]
      // A standby that follows another one can have the commit only if that one has it.
      const has = (letter: Letter): boolean => received[letter] && (tree[letter] === 'P' || has(tree[letter] as Letter))
      const wasAcknowledged = letters.filter((letter) => tree[letter] === 'P' && has(letter)).length >= count
      if (!wasAcknowledged || !letters.some((letter) => answers[letter])) return true
      const seen = letters.map((letter) => [letter, answers[letter] ? tree[letter] : 'silent'])
      const sights = drawn({ P: 'silent', ...Object.fromEntries(seen) })
      const chosen = sights.map((it) =>
        it.facts ? { ...it, facts: { ...it.facts, chosenLevel: `on any ${count}` } } : it,
      )
      const upstreamOf = (letter: Letter) => NAMES[tree[letter] as keyof typeof NAMES]
      const down = {
        'db-primary': data('primary'),
        'db-replica': data('standby', 1, upstreamOf('A')),
        'db-replica-2': data('standby', 1, upstreamOf('B')),
        'db-replica-3': data('standby', 1, upstreamOf('C')),
      }
      const plan = planOf(chosen, down) as Promoting
      return unheardBy(plan).length > 0 || letters.some((letter) => answers[letter] && has(letter))
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
