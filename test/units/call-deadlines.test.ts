import { test } from 'tap'
import { deadlineOf, partDeadlineOf } from '../../server/rpc/deadlines.ts'

const asking = (seconds: number) => ({ getDeadline: () => Date.now() + seconds * 1000 })
const secondsLeft = (deadline: number) => Math.round((deadline - Date.now()) / 1000)

for (const patience of [1, 10]) {
  test(`patience ${patience}: a call ends when its client asked, or after the longest time there is`, async (t) => {
    t.equal(secondsLeft(deadlineOf(asking(3), patience)), 3)
    t.equal(secondsLeft(deadlineOf(asking(3600), patience)), 30 * patience)
    t.equal(secondsLeft(deadlineOf(asking(Number.POSITIVE_INFINITY), patience)), 10 * patience)
  })

  test(`patience ${patience}: part of a stream ends with its stream, or after the time of a call without a deadline`, async (t) => {
    t.equal(secondsLeft(partDeadlineOf(asking(3), patience)), 3)
    t.equal(secondsLeft(partDeadlineOf(asking(Number.POSITIVE_INFINITY), patience)), 10 * patience)
  })
}
