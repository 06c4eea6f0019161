import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { deadlineOf, partDeadlineOf } from '../../../server/rpc/deadlines.ts'

const asking = (seconds: number) => ({ getDeadline: () => Date.now() + seconds * 1000 })
const secondsLeft = (deadline: number) => Math.round((deadline - Date.now()) / 1000)

for (const patience of [1, 10]) {
  test(`patience ${patience}: a call ends when its client asked, or after the longest time there is`, async (t) => {
    t.equal(secondsLeft(deadlineOf(asking(3), patience)), 3)
    t.equal(secondsLeft(deadlineOf(asking(3600), patience)), 14 * patience)
    t.equal(secondsLeft(deadlineOf(asking(Number.POSITIVE_INFINITY), patience)), 10 * patience)
  })

  test(`patience ${patience}: part of a stream ends with its stream, or after the time of a call without a deadline`, async (t) => {
    t.equal(secondsLeft(partDeadlineOf(asking(3), patience)), 3)
    t.equal(secondsLeft(partDeadlineOf(asking(Number.POSITIVE_INFINITY), patience)), 10 * patience)
  })
}

test('the balancer waits longer than any call lasts: otherwise it would take a server with a slow database for dead', async (t) => {
  const start = await readFile(join(import.meta.dirname, '../../../provisioning/loader/start.sh'), 'utf8')
  const waits = Number(/^grpc_read_timeout \$\(\((\d+) \* PATIENCE\)\)s;$/m.exec(start)?.[1])
  t.ok(waits > secondsLeft(deadlineOf(asking(3600), 1)), `it waits ${waits} s`)
})
