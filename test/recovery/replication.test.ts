import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, failureOf, patience, sql, verb } from '../the-lab.ts'

const standby = () => sql('db-primary', 'select application_name, sync_state from pg_stat_replication')
const commit = () => sql('db-primary', 'show synchronous_commit')

test('each level is in force when the command ends, and shown with what it survives', async (t) => {
  t.teardown(() => verb('replication', ['async']))
  for (const level of ['remote_write', 'on', 'remote_apply'] as const) {
    const ran = await verb('replication', [level, '--json'])
    t.equal(ran.exit, 0, failureOf(ran))
    t.match(JSON.parse(ran.stdout), { level, chosen: level, primary: 'db-primary', hangs: false })
    t.equal(await standby(), 'db-replica|sync')
    t.equal(await commit(), level)
  }
  const shown = await verb('replication')
  t.match(shown.stdout, /● remote_apply\n.*waits for .*replay/)
  t.equal((await verb('replication', ['async'])).exit, 0)
  t.equal(await standby(), 'db-replica|async')
})

test('at `on` a vote waits for a standby that is gone, until the level is lowered', async (t) => {
  t.teardown(async () => {
    const mended = await verb('setup')
    if (mended.exit !== 0) throw new Error(failureOf(mended))
  })
  const it = client(addressOf('loader'))
  t.teardown(it.close)
  const { uuid } = await ok(it.createPoll({ poll_questions: 'Waits?', options: ['a', 'b'] }))
  t.equal((await verb('replication', ['on'])).exit, 0)
  await docker('kill', containerOf('db-replica'))
  let answered = false
  const vote = it.castVote({ uuid, userID: 'ann', select_options: 'a' }).finally(() => {
    answered = true
  })
  await until('the vote to wait', { seconds: 5, patience }, async () => {
    const { stdout } = await verb('replication', ['--json'])
    const { hangs, waitingCommits } = JSON.parse(stdout)
    return hangs && waitingCommits > 0 ? { done: undefined } : { seen: stdout }
  })
  t.notOk(answered)
  t.match((await verb('replication')).stdout, /commits hang .*zx scripts\/replication\.ts async/)
  const lowered = await verb('replication', ['async'])
  t.equal(lowered.exit, 0, failureOf(lowered))
  t.match(await vote, { ok: { status: 'Vote Successfully!' } })
  const refused = await verb('replication', ['on'])
  t.match(refused.stderr, /NO_STANDBY: at level on every commit waits/)
  t.equal(await sql('db-primary', 'show synchronous_standby_names'), '', 'and nothing was changed')
})
