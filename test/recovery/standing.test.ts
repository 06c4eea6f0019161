// What keeps a standby from following: each cause made for real, found out, said with what repairs it, and repaired by rejoin.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Test, test } from 'tap'
import { writeStartNote } from '../../scripts/lab/postgres/start-note.ts'
import type { DatabaseNode } from '../../scripts/lab/topology/topology.ts'
import { statusOf } from '../../scripts/lab/verbs/status.ts'
import { fault } from '../faults.ts'
import { containerOf, docker, failureOf, lab, resetAfter, sql, verb } from '../the-lab.ts'
import { cutOff, json, mended, pollOnBoth, untilHas, untilSaid, voteOn } from './scene.ts'

const PARAMETERS = {
  max_connections: '150',
  max_worker_processes: '12',
  max_wal_senders: '14',
  max_prepared_transactions: '3',
  max_locks_per_transaction: '96',
} as const

const disconnect = () => sql('db-primary', 'select pg_terminate_backend(pid) from pg_stat_replication')

/** Another reader of WAL, as a tool for backups would be, that ends when its session is ended. */
async function reader(t: Test, ...options: readonly string[]) {
  const target = 'host=db-primary user=replicator passfile=/run/failover-lab/pgpass'
  const command = ['pg_receivewal', '-n', '-D', '/tmp', '-d', target, ...options]
  const child = spawn('docker', ['exec', containerOf('db-replica'), ...command], { stdio: 'ignore' })
  const ended = once(child, 'close')
  t.teardown(() =>
    sql(
      'db-primary',
      "select pg_terminate_backend(pid) from pg_stat_replication where application_name = 'pg_receivewal'",
    ),
  )
  await untilHas('db-primary', "select count(*) from pg_stat_replication where application_name = 'pg_receivewal'", '1')
  return { ended }
}

/** The primary goes on so far without its standby that it keeps nothing that the standby would need. */
async function leaveBehind(t: Test) {
  for (const setting of ['wal_keep_size', 'min_wal_size', 'max_slot_wal_keep_size'])
    await sql('db-primary', `alter system set ${setting} = '32MB'`)
  await sql('db-primary', 'select pg_reload_conf()')
  await docker('stop', containerOf('db-replica'))
  await sql(
    'db-primary',
    "do $$ begin for mebibyte in 1..160 loop perform pg_logical_emit_message(false, 'test', repeat('x', 1048576)); end loop; end $$",
  )
  await sql('db-primary', 'checkpoint')
  await sql('db-primary', 'checkpoint')
  t.match(await sql('db-primary', 'select wal_status from pg_replication_slots'), /^lost$|^$/)
}

test('a standby whose slot is lost is never called healthy, setup says so, and rejoin copies it without being told', async (t) => {
  resetAfter(t)
  await leaveBehind(t)
  await docker('start', containerOf('db-replica'))
  await untilSaid(
    'db-replica',
    /slot on db-primary is lost.*rejoin.ts gets it from the archive, if there is one, or copies/,
  )
  for (let look = 0; look < 10; look++) t.notOk((await statusOf(lab)).healthy, `look ${look}`)
  t.match(
    (await verb('setup')).stderr,
    /HINDERED: db-replica: its slot on db-primary is lost.*\n.*zx scripts\/rejoin.ts/,
  )
  await mended(t, { how: 'copied', why: /its slot on db-primary is lost/ })
})

test('a standby whose slot is gone, and then the WAL that it needs, is copied, and rejoin says why', async (t) => {
  resetAfter(t)
  await leaveBehind(t)
  await sql('db-primary', "select pg_drop_replication_slot('db_replica')")
  await docker('start', containerOf('db-replica'))
  await untilSaid('db-replica', /its slot on db-primary is gone.*rejoin.ts makes it/)
  await mended(t, { how: 'copied', why: /WAL that it needs is gone from db-primary|slot on db-primary is lost/ })
})

test('whatever shuts a standby out is said, and repaired without a copy', async (t) => {
  resetAfter(t)
  await sql('db-primary', "alter role replicator password 'another'")
  await disconnect()
  await untilSaid('db-replica', /refuses its password .*rejoin.ts gives the role its password back/)
  await mended(t, { how: 'repaired', why: /refuses its password/ })

  await sql('db-primary', 'alter role replicator nologin')
  await disconnect()
  await untilSaid('db-replica', /role replicator may not replicate/)
  await sql('db-primary', "select pg_drop_replication_slot('db_replica')")
  await mended(t, { how: 'repaired', why: /slot on db-primary is gone.*role replicator/ })

  await cutOff()
  await untilSaid('db-replica', /somebody has set primary_conninfo/)
  const { ended } = await reader(t, '-S', 'db_replica')
  await mended(t, {
    how: 'repaired',
    why: /somebody has set primary_conninfo.*slot on db-primary is in use by pg_receivewal/,
  })
  await ended

  await cutOff()
  await sql('db-primary', 'alter system set max_wal_senders = 1')
  await docker('restart', containerOf('db-primary'))
  await untilHas('db-primary', 'show max_wal_senders', '1')
  await reader(t)
  await sql('db-replica', 'alter system reset primary_conninfo')
  await sql('db-replica', 'select pg_reload_conf()')
  await untilSaid('db-replica', /other clients use all WAL senders of db-primary.*pg_terminate_backend/)
  t.match((await verb('rejoin')).stderr, /HINDERED: .*all WAL senders.*\n.*pg_terminate_backend/)
})

test('a standby that gets no connection to the primary says so, and setup and rejoin wait for no time-out', async (t) => {
  t.teardown(() => fault('heal'))
  const rejected = await fault('reject', 'db-replica', 'db-primary', '--only', 'out')
  t.equal(rejected.exit, 0, failureOf(rejected))
  await untilSaid('db-replica', /it gets no connection to db-primary.*fault.ts list/)
})

test('a standby whose history parted from the primary says so, and its own votes are listed', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await cutOff()
  await voteOn('db-primary', poll, 'ann')
  await docker('kill', containerOf('db-primary'))
  await sql('db-replica', 'alter system reset primary_conninfo')
  await sql('db-replica', 'select pg_promote()')
  await sql(
    'db-replica',
    "select pg_create_physical_replication_slot('db_primary', true) where not exists (select from pg_replication_slots)",
  )
  await writeStartNote(() => {}, lab.databases[0] as DatabaseNode, { do: 'follow', from: 'db-replica' })
  await docker('start', containerOf('db-primary'))
  await untilSaid('db-primary', /its history has diverged from that of db-replica.*lists the votes/)
  t.match(await json(t, 'rejoin'), { standbys: [{ name: 'db-primary', divergedVotes: [{ user: 'ann' }] }] })
})

test('five settings that are lower on the standby are no fault of ours: heal leaves them, status names them, rejoin raises them', async (t) => {
  resetAfter(t)
  for (const [name, value] of Object.entries(PARAMETERS)) await sql('db-primary', `alter system set ${name} = ${value}`)
  await docker('restart', containerOf('db-primary'))
  if (lab.settings.postgres !== '13') {
    await untilSaid('db-replica', /max_connections is 100 here, but 150 on the primary.*rejoin.ts raises it/)
    t.strictSame((await statusOf(lab)).faults, [])
    t.equal((await fault('heal')).exit, 0)
    t.equal(await sql('db-replica', 'select pg_is_wal_replay_paused()'), 't', 'resumed, the standby would end')
    for (const args of [['failover', '--force'], ['switchover']] as const) {
      const [name, ...options] = args
      t.match(await verb(name, options), { exit: 1, stderr: /REPLAY_NEEDS_SETTING.*max_connections is 100/s }, name)
    }
    await mended(t, { how: 'repaired', why: /max_connections is 100/ })
  }
  const wanted = Object.entries(PARAMETERS).map(([name, value]) => `${name}=${value}`)
  const names = Object.keys(PARAMETERS).map((name) => `'${name}'`)
  await untilHas(
    'db-replica',
    `select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name in (${names.join(', ')})`,
    wanted.sort().join(' '),
  )
  await untilHas('db-primary', 'select count(*) from pg_stat_replication', '1')
})
