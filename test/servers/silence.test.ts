import { test } from 'tap'
import { isSilent } from '../../server/cluster/silence.ts'
import type { DatabaseAddress } from '../../server/settings.ts'
import { broken, healed } from '../faults.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, lab, patience } from '../the-lab.ts'

/** Seconds, and votes at a time: answers to so many fill a link of 32 kbit/s. At half of that a single answer takes 0.7 s. */
const SLOW_SECONDS = 8
const CALLERS = 64

/** Where this machine reaches the standby: past the published ports, as a server does. */
async function standby(): Promise<DatabaseAddress> {
  const address = `{{(index .NetworkSettings.Networks "${lab.network}").IPAddress}}`
  return { name: 'db-replica', host: await docker('inspect', '-f', address, containerOf('db-replica')), port: 5432 }
}

const seemsSilent = (address: DatabaseAddress) => isSilent(address, patience, new AbortController().signal)

test('a database that is cut off is silent; one that is frozen, or that refuses, is not', async (t) => {
  const address = await standby()
  t.notOk(await seemsSilent(address))
  t.notOk(await seemsSilent({ ...address, port: 1 }), 'it refuses')
  await broken(t, 'freeze', 'db-replica')
  t.notOk(await seemsSilent(address), 'it is frozen')
  await healed(t)
  await broken(t, 'isolate', 'db-replica', '--host')
  t.ok(await seemsSilent(address), 'it is cut off')
})

test('over a full link a slow primary is not given up', async (t) => {
  const it = client(addressOf('loader'), 20)
  t.teardown(it.close)
  const { uuid } = await ok(it.createPoll({ poll_questions: 'Slow?', options: ['a', 'b'] }))
  // What the servers say from here on.
  const since = new Date().toISOString()
  await broken(t, 'slow', 'db-primary', 'primary', 'backup', '--rate', '32')
  const until = Date.now() + SLOW_SECONDS * 1000
  let votes = 0
  const voter = async () => {
    while (Date.now() < until) {
      votes += 1
      await it.castVote({ uuid, userID: `slow ${votes}`, select_options: 'a' })
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, voter))
  t.comment(`${votes} votes over 32 kbit/s`)
  for (const name of ['primary', 'backup'] as const) {
    const moved = (await docker('logs', '--since', since, containerOf(name))).match(/.*writes move.*/g)
    t.strictSame(moved, null, name)
  }
})
