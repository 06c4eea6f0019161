import { test } from 'tap'
import { failureOf, verb } from '../the-lab.ts'
import { noTimeLeft } from '../time-left.ts'
import { firstHalf, verifyEach } from './each-exercise.ts'

const [first, ...others] = firstHalf

await verifyEach(others)

test(`${first?.name} as well, by the command, which leaves the lab as new`, {
  skip: noTimeLeft() && 'no time left',
}, async (t) => {
  const verified = await verb('exercise', ['verify', String(first?.number), '--discard'])
  t.equal(verified.exit, 0, failureOf(verified))
  t.match(verified.stdout, /^✓ 01-[\w-]+ {2}[\d.]+ s from start to check; \d+ other ways tried$/m)
  t.match((await verb('poll', ['list'])).stdout, /no polls yet/)
})
