import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, patience, sql } from '../the-lab.ts'

test('a call past its deadline ends, and so does its query in the database', async (t) => {
  const patient = client(addressOf('primary'))
  const { uuid } = await ok(patient.createPoll({ poll_questions: 'Locked?', options: ['a', 'b'] }))
  // Holds the poll's row until the vote below is over, so that the vote must wait for it.
  const lock = sql(
    'db-primary',
    `begin; select 1 from poll where id = '${uuid}' for update; select pg_sleep(${4 * patience}); rollback;`,
  )
  const waiting = () =>
    sql('db-primary', "select count(*) from pg_stat_activity where usename = 'service' and wait_event_type = 'Lock'")
  await until('the lock', { seconds: 3, patience }, async () => {
    const held = await sql(
      'db-primary',
      "select count(*) from pg_stat_activity where query like '%pg_sleep%' and wait_event = 'PgSleep'",
    )
    return held === '1' ? { done: undefined } : { seen: `${held} sleepers` }
  })

  const hasty = client(addressOf('primary'), patience)
  const vote = hasty.castVote({ uuid, userID: 'ann', select_options: 'a' })
  await until('the vote to wait for the lock', { seconds: 1, patience }, async () =>
    (await waiting()) === '1' ? { done: undefined } : { seen: 'no waiting query' },
  )
  t.match(await vote, { status: 'DEADLINE_EXCEEDED' })
  await until('the query to be cancelled', { seconds: 1.5, patience }, async () =>
    (await waiting()) === '0' ? { done: undefined } : { seen: 'it still waits' },
  )
  await lock
  t.match(await patient.results(uuid), { ok: { results: { a: 0 } } }, 'the vote was not written')
  patient.close()
  hasty.close()
})
