import { type Test, test } from 'tap'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, failureOf, sql, startVerb, verb } from '../the-lab.ts'

async function pollWithVote(): Promise<void> {
  const it = client(addressOf('loader'))
  const { uuid } = await ok(it.createPoll({ poll_questions: 'Forgotten?', options: ['yes', 'no'] }))
  await ok(it.castVote({ uuid, userID: 'ann', select_options: 'yes' }))
  it.close()
}

async function isPristine(t: Test): Promise<void> {
  const ran = await verb('reset', ['--json'])
  t.equal(ran.exit, 0, failureOf(ran))
  t.match(JSON.parse(ran.stdout), { healthy: true, primaries: ['db-primary'], serving: ['primary', 'backup'] })
  for (const name of ['db-primary', 'db-replica'] as const) {
    t.equal(await sql(name, 'select count(*) from poll'), '0', name)
    t.equal(await sql(name, 'select count(*) from vote'), '0', name)
  }
  t.equal(await sql('db-primary', 'select pg_is_in_recovery()'), 'f')
  t.equal(await sql('db-primary', 'select active from pg_replication_slots'), 't')
  await pollWithVote()
}

test('reset gives back an empty, replicating lab that takes votes', async (t) => {
  await pollWithVote()
  await isPristine(t)
})

test('during a reset clients stay connected and are told what failed; after it both servers take calls at once', async (t) => {
  const it = client(addressOf('loader'))
  t.teardown(() => it.close())
  const resetting = startVerb('reset')
  let over = false
  resetting.ended.finally(() => {
    over = true
  })
  const refusals = new Set<string>()
  while (!over) {
    const answer = await it.listPolls()
    if ('details' in answer) refusals.add(`${answer.status}: ${answer.details}`)
  }
  const ran = await resetting.ended
  t.equal(ran.exit, 0, failureOf(ran))
  t.ok(refusals.size > 0, 'the databases were gone')
  for (const refusal of refusals) t.match(refusal, /^UNAVAILABLE: .*\((in)?definite: /)
  const answers = await Promise.all(Array.from({ length: 20 }, () => it.listPolls()))
  t.strictSame([...new Set(answers.map(({ servedBy }) => servedBy))].sort(), ['backup', 'primary'])
})

test('servers that answer are kept: they forget the history from before, and no fault of theirs stays', async (t) => {
  const startOf = () => docker('inspect', '-f', '{{.State.StartedAt}}', containerOf('primary'), containerOf('backup'))
  t.equal((await verb('failover')).exit, 0)
  t.equal((await verb('rejoin')).exit, 0)
  t.equal((await verb('fault', ['isolate', 'primary', 'backup'])).exit, 0)
  const before = await startOf()
  await isPristine(t)
  t.equal(await startOf(), before)
  t.match(await verb('fault', ['list', '--json']), { exit: 0, stdout: /"faults": \[\]/ })
})

test('reset works from any state: replay paused, a server dead, another frozen, the standby promoted', async (t) => {
  await sql('db-replica', 'select pg_wal_replay_pause()')
  await docker('kill', containerOf('primary'))
  await docker('pause', containerOf('loader'))
  await isPristine(t)
  await sql('db-replica', 'select pg_promote()')
  await docker('pause', containerOf('db-primary'))
  await isPristine(t)
})

test('reset of a lab that is not there says how to get one', async (t) => {
  const ran = await verb('reset', [], { LAB_NAME: 'no-such-lab' })
  t.equal(ran.exit, 1)
  t.match(ran.stderr, /NOT_SET_UP.*\n.*setup/)
})
