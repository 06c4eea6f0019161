import { randomUUID } from 'node:crypto'
import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, patience, sql } from '../the-lab.ts'

test('a vote whose wait for the standby is ended by hand is not called stored; its repetition waits again', async (t) => {
  const it = client(addressOf('primary'))
  t.teardown(it.close)
  const standbys = async (names: string) => {
    await sql('db-primary', `alter system set synchronous_standby_names = '${names}'`)
    await sql('db-primary', 'select pg_reload_conf()')
    await until('the setting', { seconds: 5, patience }, async () => {
      const seen = await sql('db-primary', 'show synchronous_standby_names')
      return seen === names ? { done: undefined } : { seen }
    })
  }
  t.teardown(() => standbys(''))
  const { uuid } = await ok(it.createPoll({ poll_questions: 'Replicated?', options: ['a', 'b'] }))
  await standbys('nobody')
  const vote = { uuid, userID: 'ann', select_options: 'a' }
  const key = randomUUID()
  const waiting = "from pg_stat_activity where wait_event = 'SyncRep'"
  const toWait = () =>
    until('the vote to wait for its standby', { seconds: 5, patience }, async () => {
      const seen = await sql('db-primary', `select count(*) ${waiting}`)
      return seen === '0' ? { seen } : { done: undefined }
    })

  const first = it.castVote(vote, { key })
  await toWait()
  await sql('db-primary', `select pg_cancel_backend(pid) ${waiting}`)
  t.match(await first, { status: 'UNAVAILABLE', failure: 'NOT_REPLICATED', certainty: 'indefinite' })

  let answered = false
  const again = it.castVote(vote, { key }).finally(() => {
    answered = true
  })
  await toWait()
  t.notOk(answered, 'the repetition is not answered before the standby has it')
  await standbys('')
  t.match(await again, { ok: { status: 'Vote Successfully!' } })
})
