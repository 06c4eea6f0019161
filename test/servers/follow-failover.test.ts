import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { follow } from '../live.ts'
import { addressOf, containerOf, docker, patience, resetAfter, sql } from '../the-lab.ts'

test('a follower survives a failover; if it was shown votes that the failover lost, it is told so', async (t) => {
  resetAfter(t)
  const it = client(addressOf('primary'))
  t.teardown(it.close)
  const newPoll = async () => (await ok(it.createPoll({ poll_questions: 'Live?', options: ['a', 'b'] }))).uuid
  const vote = (uuid: string, userID: string) => it.castVote({ uuid, userID, select_options: 'a' })
  const [safe, robbed] = [await newPoll(), await newPoll()]
  for (const uuid of [safe, robbed]) await vote(uuid, 'ann')
  const [atPrimary, atBackup] = [follow(t, addressOf('primary'), safe), follow(t, addressOf('backup'), safe)]
  const [robbedAtPrimary, robbedAtBackup] = [
    follow(t, addressOf('primary'), robbed),
    follow(t, addressOf('backup'), robbed),
  ]
  const all = [atPrimary, atBackup, robbedAtPrimary, robbedAtBackup]
  await Promise.all(all.map(({ shows }) => shows({ a: 1 })))

  // The replica hears no more of the primary, which goes on for a moment and then dies.
  await sql('db-replica', "alter system set primary_conninfo = ''")
  await sql('db-replica', 'select pg_reload_conf()')
  await until('the replica to be cut off', { seconds: 5, patience }, async () => {
    const seen = await sql('db-primary', 'select count(*) from pg_stat_replication')
    return seen === '0' ? { done: undefined } : { seen }
  })
  await vote(robbed, 'bob')
  await robbedAtPrimary.shows({ a: 2 })
  await docker('kill', containerOf('db-primary'))
  await until('reads of primary to move to db-replica', { seconds: 10, patience }, async () => {
    const answer = await it.results(robbed)
    return 'ok' in answer && answer.ok.results['a'] === 1 ? { done: undefined } : { seen: JSON.stringify(answer) }
  })
  const repetitions = robbedAtPrimary.messages.length
  await until('the last results to be repeated', { seconds: 10, patience }, async () => {
    const seen = robbedAtPrimary.messages.length
    return seen > repetitions ? { done: undefined } : { seen: `${seen}` }
  })
  t.match(robbedAtPrimary.messages.at(-1), { results: { a: 2 } }, 'no database has left that history yet')
  t.ok(all.every(({ end }) => end() === undefined))

  await sql('db-replica', 'select pg_promote()')
  t.same(await robbedAtPrimary.ended, { status: 'DATA_LOSS', failure: 'VOTES_LOST' })
  await until('votes to be taken', { seconds: 10, patience }, async () => {
    const answer = await vote(safe, 'bob')
    return 'ok' in answer ? { done: undefined } : { seen: answer.details }
  })
  for (const { shows, end } of [atPrimary, atBackup]) {
    await shows({ a: 2 })
    t.equal(end(), undefined, 'the same stream all the time')
  }
  t.equal(robbedAtBackup.end(), undefined, 'and so for who was never shown what was lost')

  const token = robbedAtPrimary.messages.at(-1)?.consistency_token ?? ''
  t.same(await follow(t, addressOf('backup'), robbed, { token }).ended, {
    status: 'DATA_LOSS',
    failure: 'HISTORY_LOST',
  })
  const again = follow(t, addressOf('primary'), robbed)
  await again.shows({ a: 1 })
})
