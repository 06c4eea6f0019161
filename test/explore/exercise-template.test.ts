import { join } from 'node:path'
import { test } from 'tap'
import type { Exercise } from '../../scripts/lab/exercise/exercise.ts'
import { readEntry } from '../../scripts/lab/exercise/track.ts'
import { verify } from '../../scripts/lab/exercise/verify.ts'
import { lab, resetAfter } from '../the-lab.ts'

const entry = await readEntry(join(import.meta.dirname, '../../exercises/template'))

test('the template is an exercise already', async (t) => {
  resetAfter(t)
  const { problems } = await verify(lab, entry)
  t.strictSame(problems, [])
})

test('verify finds an exercise that passes unsolved, accepts a wrong way, refuses a right one, drifts, or cannot be solved', async (t) => {
  resetAfter(t)
  let starts = 0
  const broken: Exercise = {
    ...entry.exercise,
    async setup(stage) {
      starts += 1
      const poll = await stage.createPoll('Tea or coffee?', ['Tea', 'Coffee'])
      await stage.vote(poll, starts === 1 ? { bob: 'Coffee' } : { bob: 'Coffee', cid: 'Coffee' })
      return { poll }
    },
    // The wrong way round: it passes until ann has voted.
    async check(stage, notes, answer) {
      const findings = await entry.exercise.check(stage, notes, answer)
      return findings.map((finding) => ({ ...finding, ok: !finding.ok }))
    },
  }
  const { problems } = await verify(lab, { ...entry, exercise: broken })
  t.match(problems, [
    'it passes unsolved',
    /casting the vote .* is not refused for "holds these votes": it passes/,
    /casting it on the other server.* is right, but refused for: db-primary holds these votes/,
    /a second start differs from the first: only the first: .*bob=2$/,
    /only the first: db-replica/,
    /a second start differs from the first: only the second: .*bob=2 cid=2/,
    /only the second: db-replica/,
    /solved, it misses: db-primary holds these votes/,
  ])
})

test('verify finds an exercise that does not say when it cannot be solved any more, or says so without need', async (t) => {
  resetAfter(t)
  const tellingFinal = (final: boolean): Exercise => ({
    ...entry.exercise,
    check: async (...args) => (await entry.exercise.check(...args)).map((finding) => ({ ...finding, final })),
    tempting: (...args) => entry.exercise.tempting(...args).map((way) => ({ ...way, final: !final })),
    also: () => [],
  })
  const silent = await verify(lab, { ...entry, exercise: tellingFinal(false) })
  t.match(silent.problems, [/casting the vote .* does not say "start again"/])
  const rash = await verify(lab, { ...entry, exercise: tellingFinal(true) })
  t.match(rash.problems, [
    /cannot be solved from the start: db-primary/,
    /casting the vote .* says "start again" without need/,
  ])
})
