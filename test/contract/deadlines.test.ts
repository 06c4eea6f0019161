import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { framed, session } from '../safety/wire.ts'
import { addressOf, patience, sql } from '../the-lab.ts'

test('a call past its deadline ends, and so does its query in the database', async (t) => {
  const patient = client(addressOf('primary'))
  const hasty = client(addressOf('primary'), 1)
  const { uuid } = await ok(patient.createPoll({ poll_questions: 'Locked?', options: ['a', 'b'] }))
  // Holds the poll's row until it is ended, however long the vote below takes to give up.
  const lock = sql('db-primary', `begin; select 1 from poll where id = '${uuid}' for update; select pg_sleep(600);`)
  const unlocked = lock.catch(() => undefined)
  const unlock = async () => {
    await sql('db-primary', "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'")
    await unlocked
  }
  t.teardown(async () => {
    await unlock()
    patient.close()
    hasty.close()
  })
  const waiting = () =>
    sql('db-primary', "select count(*) from pg_stat_activity where usename = 'service' and wait_event_type = 'Lock'")
  await until('the lock', { seconds: 3, patience }, async () => {
    const held = await sql('db-primary', "select count(*) from pg_stat_activity where wait_event = 'PgSleep'")
    return held === '1' ? { done: undefined } : { seen: `${held} sleepers` }
  })

  const vote = hasty.castVote({ uuid, userID: 'ann', select_options: 'a' })
  await until('the vote to wait for the lock', { seconds: 1, patience }, async () =>
    (await waiting()) === '1' ? { done: undefined } : { seen: 'no waiting query' },
  )
  t.match(await vote, { status: 'DEADLINE_EXCEEDED' })
  await until('the query to be cancelled', { seconds: 1.5, patience }, async () =>
    (await waiting()) === '0' ? { done: undefined } : { seen: 'it still waits' },
  )
  await unlock()
  t.match(await patient.results(uuid), { ok: { results: { a: 0 } } }, 'the vote was not written')
})

for (const door of ['loader', 'primary'] as const) {
  test(`${door}: a deadline that is too long for a timer is a long deadline, not a missing one`, async (t) => {
    const it = session(addressOf(door))
    const none = framed(Buffer.alloc(0))
    for (const timeout of ['2147484S', '2592001S', '99999999S', '99999999M', '99999999H', '99999999m'])
      t.match(
        await it.post('/polling.PollService/ListPollsPage', none, { 'grpc-timeout': timeout }),
        { grpcStatus: '0' },
        timeout,
      )
    t.match(await it.post('/polling.PollService/ListPollsPage', none, { 'grpc-timeout': '1n' }), { grpcStatus: '4' })
    it.close()
  })
}
