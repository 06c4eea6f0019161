import { t, test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, patience, sql } from '../the-lab.ts'

const primary = client(addressOf('primary'))
const backup = client(addressOf('backup'))
const options = ['a', 'b']

/** The token of a call that must succeed. */
async function tokenOf(
  pending: ReturnType<typeof primary.castVote> | ReturnType<typeof primary.closePoll>,
): Promise<string> {
  const answer = await pending
  if (!('ok' in answer)) throw new Error(`${answer.status}: ${answer.details}`)
  return answer.token
}

test('every write answers with a token, and a read that carries it sees the write on either server', async (t) => {
  for (let round = 0; round < 20; round++) {
    const [writer, reader] = round % 2 ? [primary, backup] : [backup, primary]
    const created = await writer.createPoll({ poll_questions: `Round ${round}`, options })
    const uuid = 'ok' in created ? created.ok.uuid : ''
    let token = await tokenOf(Promise.resolve(created))
    t.match(token, /^1-[0-9A-F]+\/[0-9A-F]+$/)
    const { polls } = await ok(reader.listPolls({ token }))
    t.equal(polls[0]?.uuid, uuid)
    token = await tokenOf(writer.castVote({ uuid, userID: 'ann', select_options: 'a' }))
    t.match(await reader.results(uuid, { token }), { ok: { results: { a: 1, b: 0 } } })
    token = await tokenOf(writer.closePoll(uuid))
    t.match((await ok(reader.listPolls({ token }))).polls[0], { uuid, status: 'close' })
  }
})

test('if replay stands still, a read with a token goes to the database that takes writes', async (t) => {
  const { uuid } = await ok(primary.createPoll({ poll_questions: 'Paused?', options }))
  await tokenOf(primary.castVote({ uuid, userID: 'ann', select_options: 'a' }))
  await until('the replica to have the vote', { seconds: 5, patience }, async () => {
    const { results } = await ok(backup.results(uuid))
    return results['a'] === 1 ? { done: undefined } : { seen: JSON.stringify(results) }
  })
  t.teardown(() => sql('db-replica', 'select pg_wal_replay_resume()'))
  await sql('db-replica', 'select pg_wal_replay_pause()')
  const token = await tokenOf(backup.castVote({ uuid, userID: 'bob', select_options: 'b' }))
  t.match(await backup.results(uuid), { ok: { results: { a: 1, b: 0 } } }, 'without a token it is the local view')
  t.match(await backup.results(uuid, { token }), { ok: { results: { a: 1, b: 1 } } })
  const hasty = client(addressOf('backup'), 0.5)
  t.match(await hasty.results(uuid, { token }), { ok: { results: { a: 1, b: 1 } } }, 'within a short deadline too')
  hasty.close()
})

test('a text that is not a token, and a token ahead of all history, are refused', async (t) => {
  const { uuid } = await ok(primary.createPoll({ poll_questions: 'Refused?', options }))
  for (const server of [primary, backup]) {
    for (const token of ['', 'x', '1-0/G', '0-0/1']) {
      const refused = { status: 'INVALID_ARGUMENT', failure: 'INVALID_FIELD', details: /^consistency-token/ }
      t.match(await server.results(uuid, { token }), refused, token)
      t.match(await server.listPolls({ token }), refused, token)
    }
    for (const token of ['1-FFFFFFFF/0', '7-0/1']) {
      const refused = {
        status: 'OUT_OF_RANGE',
        failure: 'TOKEN_AHEAD',
        certainty: 'definite',
        details: /^consistency-token/,
      }
      t.match(await server.results(uuid, { token }), refused, token)
    }
  }
})

t.teardown(async () => {
  primary.close()
  backup.close()
})
