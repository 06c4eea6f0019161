import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { openSession } from '../../scripts/lab/postgres/session.ts'
import { until } from '../../scripts/lab/wait.ts'
import { client } from '../grpc.ts'
import { addressOf, containerOf, docker, lab, patience, resetAfter, sql, startVerb, verb } from '../the-lab.ts'
import { json, pollOnBoth, untilHas, voteGetsThrough, votersOn } from './scene.ts'

/** Clients that vote until told to stop, each call with a key, repeated as our client repeats it. */
function load(t: Test, poll: string, clients: number) {
  const acknowledged: string[] = []
  const refused: string[] = []
  let over = false
  const voter = async (number: number) => {
    const it = client(addressOf('loader'))
    t.teardown(it.close)
    for (let vote = 0; !over; vote++) {
      const user = `u${number}-${vote}`
      const key = randomUUID()
      const answer = await until(`the vote of ${user} to be answered`, { seconds: 20, patience }, async () => {
        const got = await it.castVote({ uuid: poll, userID: user, select_options: 'a' }, { key })
        return !('ok' in got) && got.status === 'UNAVAILABLE' ? { seen: got.details } : { done: got }
      })
      if ('ok' in answer && answer.ok.status === 'Vote Successfully!') acknowledged.push(user)
      else refused.push(JSON.stringify(answer))
      await pause(10)
    }
  }
  const voters = Promise.all(Array.from({ length: clients }, (_, number) => voter(number)))
  return {
    acknowledged,
    stop: async () => {
      over = true
      await voters
      return { acknowledged, refused }
    },
  }
}

test('under load and at `on`, there and back: no call of a retrying client fails, no acknowledged vote is lost', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.equal((await verb('replication', ['on'])).exit, 0)
  const voting = load(t, poll, 8)
  await until('votes to come in', { seconds: 10, patience }, async () =>
    voting.acknowledged.length > 50 ? { done: undefined } : { seen: `${voting.acknowledged.length}` },
  )
  for (const [primary, standby] of [
    ['db-replica', 'db-primary'],
    ['db-primary', 'db-replica'],
  ]) {
    const done = await json(t, 'switchover')
    t.match(done, { primary, standby, level: 'on', withoutPrimary: Number })
    t.comment(JSON.stringify(done))
    t.match(await json(t, 'replication'), { level: 'on', primary, standbys: [{ name: standby, sync: 'sync' }] })
  }
  const { acknowledged, refused } = await voting.stop()
  t.strictSame(refused, [])
  t.ok(acknowledged.length > 100, `${acknowledged.length} votes`)
  t.strictSame((await votersOn('db-primary', poll)).split(' ').sort(), [...acknowledged].sort())
  const status = await json(t, 'status')
  t.match(status, { healthy: true, primaries: ['db-primary'] })
  t.match(status.nodes[1].database, { timeline: 3 })
  t.equal(await sql('db-replica', 'show synchronous_standby_names'), '')
})

test('a standby that does not catch up: the switch is undone, and the primary goes on', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  // A reader on the standby holds up replay when the primary stops: the table of a session goes with the session.
  const [primary, standby] = lab.databases
  if (primary === undefined || standby === undefined) throw new Error('no databases')
  const [writer, reader] = [openSession(primary), openSession(standby)]
  t.teardown(writer.end)
  t.teardown(reader.end)
  const table = await writer.run(
    "create temporary table of_session (); select 'pg_temp_' || substr(nspname, 9) || '.of_session' from pg_namespace where oid = pg_my_temp_schema()",
    10 * patience,
  )
  await untilHas('db-replica', "select count(*) from pg_class where relname = 'of_session'", '1')
  await reader.run(`begin;\nlock table ${table} in access share mode`, 10 * patience)
  const ran = await verb('switchover')
  t.match(ran, {
    exit: 1,
    stderr:
      /SWITCHOVER_UNDONE: db-replica did not catch up, so db-primary is the primary again: .*replay waits for pid \d+ .*lock table(.|\n)*--end-reports/,
  })
  reader.end()
  await voteGetsThrough(t, poll, 'ann')
  t.match((await verb('setup')).exit, 0)
})

test('ended between stop and promotion, the next run finishes', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  const { child, ended } = startVerb('switchover')
  child.stderr.on('data', (chunk) => {
    if (String(chunk).includes('✔ Shut down the primary')) child.kill('SIGKILL')
  })
  t.not((await ended).exit, 0, 'it was ended half-way')
  t.match(await json(t, 'switchover'), { primary: 'db-replica', standby: 'db-primary' })
  await voteGetsThrough(t, poll, 'ann')
})

test('without a standby that streams and replays nobody is stopped', async (t) => {
  resetAfter(t)
  await sql('db-replica', 'select pg_wal_replay_pause()')
  const paused = await verb('switchover')
  t.match(paused, { exit: 1, stderr: /REPLAY_PAUSED.*\n.*pg_wal_replay_resume/ })
  t.notMatch(paused.stderr, /--force/)
  await docker('stop', containerOf('db-replica'))
  t.match((await verb('switchover')).stderr, /SWITCHOVER_NOT_READY/)
  t.equal(await docker('inspect', '-f', '{{.State.Status}}', containerOf('db-primary')), 'running')
})
