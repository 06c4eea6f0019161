import { randomUUID } from 'node:crypto'
import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, patience, resetAfter, sql } from '../the-lab.ts'

test('after a failover, keys and tokens of what survived hold, and a token of what is lost says so', async (t) => {
  resetAfter(t)
  const it = client(addressOf('backup'))
  t.teardown(it.close)
  const { uuid } = await ok(it.createPoll({ poll_questions: 'Survivors?', options: ['a', 'b'] }))
  const vote = { uuid, userID: 'ann', select_options: 'a' }
  const key = randomUUID()
  const kept = await it.castVote(vote, { key })
  const keptToken = 'ok' in kept ? kept.token : ''
  t.match(await it.results(uuid, { token: keptToken }), { ok: { results: { a: 1 } } })
  const replayed = () => sql('db-replica', `select count(*) from vote where poll_id = '${uuid}'`)
  await until('the replica to have the vote', { seconds: 5, patience }, async () => {
    const seen = await replayed()
    return seen === '1' ? { done: undefined } : { seen }
  })

  // The replica hears no more of the primary, which goes on for a moment and then dies.
  await sql('db-replica', "alter system set primary_conninfo = ''")
  await sql('db-replica', 'select pg_reload_conf()')
  await until('the replica to be cut off', { seconds: 5, patience }, async () => {
    const seen = await sql('db-primary', 'select count(*) from pg_stat_replication')
    return seen === '0' ? { done: undefined } : { seen }
  })
  const lost = await it.castVote({ uuid, userID: 'bob', select_options: 'b' })
  const lostToken = 'ok' in lost ? lost.token : ''
  t.match(await it.results(uuid, { token: lostToken }), { ok: { results: { a: 1, b: 1 } } }, 'the primary has it')
  await docker('kill', containerOf('db-primary'))
  await until('the loss of the primary to be seen', { seconds: 10, patience }, async () => {
    const answer = await it.results(uuid, { token: lostToken })
    return 'failure' in answer && answer.failure === 'TOKEN_NOT_REACHED'
      ? { done: t.match(answer, { status: 'UNAVAILABLE', certainty: 'definite' }) }
      : { seen: JSON.stringify(answer) }
  })
  await sql('db-replica', 'select pg_promote()')

  const after = await until('votes to be taken', { seconds: 10, patience }, async () => {
    const answer = await it.castVote(vote, { key })
    return 'ok' in answer ? { done: answer } : { seen: answer.details }
  })
  t.match(after.ok.status, 'Vote Successfully!', 'the same key and vote answers as before the failover')
  t.match(after.token, /^2-/)
  t.match(await it.results(uuid, { token: after.token }), { ok: { results: { a: 1, b: 0 } } })
  t.match(await it.results(uuid, { token: keptToken }), { ok: { results: { a: 1, b: 0 } } })
  t.match(await it.results(uuid, { token: lostToken }), {
    status: 'DATA_LOSS',
    failure: 'HISTORY_LOST',
    certainty: 'definite',
    details: /timeline 1 ended at [0-9A-F]+\/[0-9A-F]+/,
  })
})
