// How often a write is tried.
import { test } from 'tap'
import { makeBallotBox } from '../../../server/ballot-box.ts'
import { makeCall } from '../../../server/call.ts'
import type { Cluster } from '../../../server/cluster/cluster.ts'
import type { Database } from '../../../server/cluster/pool.ts'
import { fail } from '../../../server/errors.ts'

/** A ballot box whose database fails so many times with `failure`, and then stores what it gets. */
function boxOf(failure: Parameters<typeof fail>[0], times: number) {
  let tries = 0
  const database: Database = {
    name: 'db',
    read: async () => ({ value: [] }),
    write: async <Row extends object>() => {
      if (++tries <= times) return fail(failure, 'failed')
      return { value: { rows: [{ outcome: 'stored' } as unknown as Row], token: '1-0/1' } }
    },
    reset() {},
    usage: () => ({ total: 0, idle: 0, waiting: 0 }),
    close: async () => {},
  }
  const view = { refresh: async () => {}, reason: () => 'none' } as unknown as Cluster['view']
  const cluster = {
    view,
    writable: () => database,
    readable: () => database,
    databases: [database],
    stop: async () => {},
  }
  const box = makeBallotBox(cluster, { retried() {}, committed() {} })
  const cast = () =>
    box.castVotes([{ pollId: 'p', userId: 'ann', option: 'a', key: undefined }], makeCall(Date.now() + 10_000))
  return { cast, tried: () => tries }
}

test('votes that the same other votes block again and again are stored in the end', async (t) => {
  const { cast } = boxOf('WRITE_ABORTED', 4)
  t.match(await cast(), { value: { outcomes: ['stored'] } })
})

test('a write is not tried for ever, and one of unknown outcome is never tried again', async (t) => {
  const CASES = [
    ['WRITE_ABORTED', 5],
    ['DATABASE_READ_ONLY', 2],
    ['DATABASE_UNREACHABLE', 2],
    ['CONNECTION_LOST', 1],
    ['DATABASE_EXHAUSTED', 1],
  ] as const
  for (const [failure, expected] of CASES) {
    const { cast, tried } = boxOf(failure, 100)
    t.match(await cast(), { failure })
    t.equal(tried(), expected, failure)
  }
})
