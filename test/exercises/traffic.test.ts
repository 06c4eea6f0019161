import { writeFile } from 'node:fs/promises'
import { test } from 'tap'
import { stageOf } from '../../scripts/lab/exercise/stage.ts'
import { endTraffic } from '../../scripts/lab/exercise/traffic.ts'
import { lab, resetAfter } from '../the-lab.ts'

test('when the guests are said to vote, they have voted: answers to earlier guests do not count', async (t) => {
  resetAfter(t)
  t.teardown(() => endTraffic(lab))
  const { traffic, createPoll } = stageOf(lab)
  const earlier = { kind: 'vote', client: 0, poll: 'an earlier one', start: 0, end: 1, outcome: 'ok', answer: '' }
  const rest = { server: null, user: 'guest-0-1', option: 'a', token: null, expected: null, seen: null }
  await writeFile(traffic.file, `${JSON.stringify({ ...earlier, ...rest })}\n`)
  const poll = await createPoll('Who comes?', ['a', 'b'])
  await traffic.start(poll, ['a', 'b'])
  const calls = await traffic.calls()
  t.ok(
    calls.some((call) => call.poll === poll && call.outcome === 'ok'),
    `the first vote is acknowledged: ${JSON.stringify(calls)}`,
  )
  t.ok(
    calls.every((call) => call.poll === poll),
    'earlier guests are forgotten',
  )
})
