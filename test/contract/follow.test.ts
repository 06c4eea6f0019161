import { randomUUID } from 'node:crypto'
import { t, test } from 'tap'
import { metricsOf } from '../../scripts/lab/service/metrics.ts'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { follow } from '../live.ts'
import { addressOf, lab, patience, sql, startVerb } from '../the-lab.ts'

const it = client(addressOf('loader'))
const newPoll = async (options = ['a', 'b']) => (await ok(it.createPoll({ poll_questions: 'Live?', options }))).uuid
const vote = (at: typeof it, uuid: string, userID: string, select_options: string) =>
  ok(at.castVote({ uuid, userID, select_options }))

/** Waits until a server follows polls for so many, by its own account. */
const followersAre = (name: 'primary' | 'backup', expected: number) =>
  until(`${expected} followers at ${name}`, { seconds: 10, patience }, async () => {
    const server = lab.servers.find((node) => node.name === name)
    const seen = server && (await metricsOf(server))?.get('polling_followers')
    return seen === expected ? { done: undefined } : { seen: String(seen) }
  })

for (const [name, other] of [
  ['primary', 'backup'],
  ['backup', 'primary'],
  ['loader', 'backup'],
] as const) {
  test(`${name}: a follower sees a vote cast through ${other}, every count, and the end of the poll`, async (t) => {
    const elsewhere = client(addressOf(other))
    t.teardown(elsewhere.close)
    const uuid = await newPoll()
    const following = follow(t, addressOf(name), uuid)
    await following.shows({ a: 0, b: 0 })
    await vote(elsewhere, uuid, 'ann', 'a')
    await following.shows({ a: 1, b: 0 })
    await vote(it, uuid, 'bob', 'b')
    await ok(elsewhere.closePoll(uuid))
    t.same(await following.ended, { status: 'OK', failure: '' })
    const last = following.messages.at(-1)
    t.match(last, { uuid, poll_questions: 'Live?', results: { a: 1, b: 1 } })
    const late = follow(t, addressOf(name), uuid, { token: last?.consistency_token ?? '' })
    t.same(await late.ended, { status: 'OK', failure: '' }, 'a closed poll is shown once')
    t.match(late.messages, [{ results: { a: 1, b: 1 } }])
  })

  test(`${name}: an unknown poll, a malformed uuid and a malformed token are refused`, async (t) => {
    const at = addressOf(name)
    t.same(await follow(t, at, randomUUID()).ended, { status: 'NOT_FOUND', failure: 'POLL_NOT_FOUND' })
    t.same(await follow(t, at, 'x').ended, { status: 'INVALID_ARGUMENT', failure: 'INVALID_FIELD' })
    const malformed = follow(t, at, randomUUID(), { token: 'x' })
    t.same(await malformed.ended, { status: 'INVALID_ARGUMENT', failure: 'INVALID_FIELD' })
  })
}

test('the first results include the write that a token stands for, though the replica lags behind', async (t) => {
  const uuid = await newPoll()
  t.teardown(() => sql('db-replica', 'select pg_wal_replay_resume()'))
  await sql('db-replica', 'select pg_wal_replay_pause()')
  const voted = await it.castVote({ uuid, userID: 'ann', select_options: 'a' })
  const following = follow(t, addressOf('backup'), uuid, { token: 'ok' in voted ? voted.token : '' })
  await following.shows({ a: 1 })
  await until('the lagging replica to be looked at', { seconds: 5, patience }, async () => {
    const reads = await sql(
      'db-replica',
      "select count(*) from pg_stat_activity where query like '%from poll where id = any%'",
    )
    return Number(reads) > 0 ? { done: undefined } : { seen: reads }
  })
  await sql('db-replica', 'select pg_wal_replay_resume()')
  await vote(it, uuid, 'bob', 'b')
  await following.shows({ a: 1, b: 1 })
  const counts = following.messages.map(({ results }) => (results['a'] ?? 0) + (results['b'] ?? 0))
  t.same(counts, [...counts].sort(), 'and they never went back')
})

test('a follower that is cancelled, past its deadline, or killed is forgotten by its server', async (t) => {
  const uuid = await newPoll()
  await followersAre('backup', 0)
  const cancelled = follow(t, addressOf('backup'), uuid)
  const { child } = startVerb('poll', ['follow', uuid, '--at', addressOf('backup')])
  t.teardown(() => child.kill('SIGKILL'))
  await followersAre('backup', 2)
  // Only now: its time runs from here.
  const late = follow(t, addressOf('backup'), uuid, { seconds: 4 * patience })
  await followersAre('backup', 3)
  cancelled.call.cancel()
  child.kill('SIGKILL')
  t.match(await late.ended, { status: 'DEADLINE_EXCEEDED' })
  await followersAre('backup', 0)
})

test('a follower that stops reading gets the newest results when it reads again, and holds up nobody', async (t) => {
  const long = (letter: string, nth: number) => `${letter}${nth}`.padEnd(200, 'x')
  const options = Array.from({ length: 50 }, (_, nth) => long('o', nth))
  const uuid = await newPoll(options)
  const [fast, slow] = [follow(t, addressOf('primary'), uuid), follow(t, addressOf('primary'), uuid)]
  await fast.shows({ [long('o', 0)]: 0 })
  await slow.shows({ [long('o', 0)]: 0 })
  slow.call.pause()
  const primary = client(addressOf('primary'))
  t.teardown(primary.close)
  for (let voter = 1; voter <= 40; voter++) {
    await vote(primary, uuid, `voter ${voter}`, long('o', 0))
    await fast.shows({ [long('o', 0)]: voter })
  }
  slow.call.resume()
  await slow.shows({ [long('o', 0)]: 40 })
  t.ok(fast.messages.length > 40, `${fast.messages.length} to the fast one`)
  t.ok(slow.messages.length < fast.messages.length, `${slow.messages.length} to the slow one`)
})

t.teardown(async () => it.close())
