import { join } from 'node:path'
import { test } from 'tap'
import { namesOfTrack, readEntry } from '../../scripts/lab/exercise/track.ts'
import { verify } from '../../scripts/lab/exercise/verify.ts'
import { failureOf, lab, verb } from '../the-lab.ts'

for (const name of await namesOfTrack())
  test(`${name} fails unsolved, passes solved, refuses what is tempting, and starts the same twice`, async (t) => {
    const verified = await verb('exercise', ['verify', name])
    t.equal(verified.exit, 0, failureOf(verified))
    t.comment(verified.stdout)
  })

test('the template is an exercise already', async (t) => {
  const { problems } = await verify(lab, await readEntry(join(import.meta.dirname, '../../exercises/template')))
  t.strictSame(problems, [])
})

test('an exercise that passes unsolved, lets the tempting through, or cannot be solved is found out', async (t) => {
  const entry = await readEntry(join(import.meta.dirname, '../../exercises/template'))
  const always = {
    ...entry.exercise,
    check: async () => [{ expected: 'anything', ok: true, seen: 'it', where: 'here' }],
  }
  const { problems: tooEasy } = await verify(lab, { ...entry, exercise: always })
  t.match(tooEasy, ['it passes unsolved', /casting the vote .* is not refused for "holds these votes": it passes/])
  t.equal(tooEasy.length, 2)

  let starts = 0
  const drifting = {
    ...entry.exercise,
    setup: async (stage: Parameters<typeof entry.exercise.setup>[0]) => {
      starts += 1
      const poll = await stage.createPoll('Tea or coffee?', ['Tea', 'Coffee'])
      await stage.vote(poll, starts === 1 ? { bob: 'Coffee' } : { bob: 'Coffee', cid: 'Coffee' })
      return { poll }
    },
    solution: () => [{ does: 'nothing', command: 'true' }],
  }
  const { problems } = await verify(lab, { ...entry, exercise: drifting })
  t.match(problems.join('\n'), /a second start is not as the first: only the second: .*bob=2 cid=2/)
  t.match(problems.join('\n'), /solved, it misses: db-primary holds these votes/)
})
