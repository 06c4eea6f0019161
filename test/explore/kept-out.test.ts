// Settings that keep a standby out, or keep it from being asked: made for real, said with what repairs them, and repaired.
import { spawnSync } from 'node:child_process'
import tap, { test } from 'tap'
import { statusOf } from '../../scripts/lab/verbs/status.ts'
import { until } from '../../scripts/lab/wait.ts'
import { mended, untilHas, untilSaid } from '../recovery/scene.ts'
import { containerOf, docker, lab, patience, resetAfter, sql, verb } from '../the-lab.ts'

// Each test repairs what it did.
resetAfter(tap)

const DATA = '/var/lib/postgresql/data'

const set = (name: string, value: string) => sql('db-primary', `alter system set ${name} = '${value}'`)

test('a primary that is set to admit no standby is named with that setting, and rejoin resets it', async (t) => {
  const admits = 'local all postgres peer\nhost polling owner,service,monitor all scram-sha-256'
  await docker('exec', containerOf('db-primary'), 'bash', '-c', `echo '${admits}' >${DATA}/own_hba.conf`)
  await set('hba_file', `${DATA}/own_hba.conf`)
  await docker('restart', containerOf('db-primary'))
  await untilSaid('db-replica', /somebody has set hba_file = .*own_hba.conf.*admits no standby.*rejoin.ts resets this/)
  await mended(t, { how: 'repaired', why: /hba_file/ })

  await set('listen_addresses', 'localhost')
  await docker('restart', containerOf('db-primary'))
  await untilSaid('db-replica', /somebody has set listen_addresses = localhost.*rejoin.ts resets this/)
  await mended(t, { how: 'repaired', why: /listen_addresses/ })
})

test('the same settings in the postgresql.conf of the data are named and taken back too', async (t) => {
  const own = `${DATA}/own_hba.conf`
  await docker('exec', containerOf('db-primary'), 'bash', '-c', `echo 'local all postgres peer' >${own}`)
  for (const [name, value] of [
    ['hba_file', own],
    ['listen_addresses', 'localhost'],
  ] as const) {
    const line = `${name} = '${value}'`
    await docker('exec', containerOf('db-primary'), 'bash', '-c', `echo "${line}" >>${DATA}/postgresql.conf`)
    await docker('restart', containerOf('db-primary'))
    await untilSaid(
      'db-replica',
      new RegExp(`somebody has set ${name} = ${value} on db-primary.*rejoin.ts resets this`),
    )
    await mended(t, { how: 'repaired', why: new RegExp(name) })
  }

  const line = "primary_conninfo = 'host=nobody'"
  await docker('exec', containerOf('db-replica'), 'bash', '-c', `echo "${line}" >>${DATA}/postgresql.conf`)
  await docker('restart', containerOf('db-replica'))
  await untilSaid('db-replica', /somebody has set primary_conninfo on it.*rejoin.ts resets it/)
  await mended(t, { how: 'repaired', why: /primary_conninfo/ })
})

test('setup takes a setting out of the file that it is in', async (t) => {
  const line = "listen_addresses = 'localhost'"
  await docker('exec', containerOf('db-primary'), 'bash', '-c', `echo "${line}" >>${DATA}/postgresql.conf`)
  await docker('restart', containerOf('db-primary'))
  const { stderr } = await verb('setup')
  t.match(stderr, /(HINDERED|SETTING_HINDERS): .*listen_addresses/)
  const commands = [...stderr.matchAll(/`(docker [^`]+)`/g)].map(([, command]) => command ?? '')
  for (const command of commands) t.equal(spawnSync('bash', ['-c', command]).status, 0, command)
  if (commands.length === 0) await mended(t, { how: 'repaired', why: /listen_addresses/ })
  t.equal((await verb('setup')).exit, 0)
})

test('status names a primary that ran with wal_level = minimal, and rejoin copies its standby without --copy', async (t) => {
  await docker('stop', containerOf('db-replica'))
  await sql('db-primary', "select pg_drop_replication_slot('db_replica')")
  await set('wal_level', 'minimal')
  // Without this PostgreSQL does not start.
  await set('archive_mode', 'off')
  await set('max_wal_senders', '0')
  await docker('restart', containerOf('db-primary'))
  await docker('start', containerOf('db-replica'))
  await untilSaid('db-replica', /somebody has set max_wal_senders = 0 and wal_level = minimal.*rejoin.ts resets this/)
  t.match(
    (await verb('setup')).stderr,
    /(HINDERED|SETTING_HINDERS): .*(wal_level = minimal|max_wal_senders = '0').*\n {2}→ .*(rejoin.ts|postgresql.auto.conf)/,
  )
  await mended(t, { how: 'copied', why: /wal_level = minimal/ })
  t.equal(await sql('db-primary', 'show archive_mode'), 'on')
})

test('a standby takes sessions whatever its files say of hot_standby', async (t) => {
  await sql('db-replica', 'alter system set hot_standby = off')
  await docker('exec', containerOf('db-replica'), 'bash', '-c', `echo 'hot_standby = off' >>${DATA}/postgresql.conf`)
  await docker('restart', containerOf('db-replica'))
  await t.resolves(untilHas('db-replica', 'show hot_standby', 'on'))
})

test('replay that a report holds up is said at once, and is not healthy when it lasts', async (t) => {
  await sql('db-replica', 'alter system set max_standby_streaming_delay = -1')
  await sql('db-replica', 'select pg_reload_conf()')
  await sql('db-primary', 'create table many as select generate_series(1, 1000) as n')
  await untilHas('db-replica', "select to_regclass('many') is not null", 't')
  const report = 'begin isolation level repeatable read; select count(*) from many; select pg_sleep(120)'
  await docker('exec', '-d', containerOf('db-replica'), 'psql', '-d', 'polling', '-c', report)
  await untilHas(
    'db-replica',
    "select count(*) from pg_stat_activity where query like 'begin%' and wait_event = 'PgSleep'",
    '1',
  )
  await sql('db-primary', 'delete from many')
  await sql('db-primary', 'vacuum many')
  let warned = ''
  const said = await until('a standby that is not healthy', { seconds: 30, patience }, async () => {
    const { nodes, healthy } = await statusOf(lab)
    const standby = nodes.find(({ name }) => name === 'db-replica')
    warned ||= standby?.warning ?? ''
    return healthy ? { seen: 'healthy' } : { done: standby?.problem ?? '' }
  })
  t.match(warned, /replay has waited for \d s, for pid \d+ \(postgres, active, its transaction \d+ s old\): begin iso/)
  t.match(said, /replay has waited for 1\d s, for pid \d+ \(postgres/)
  const [, end = ''] = /end it: docker exec \S+ psql -d polling -c "(.*)"$/.exec(said) ?? []
  await sql('db-replica', end)
  await until('a healthy lab', { seconds: 10, patience }, async () =>
    (await statusOf(lab)).healthy ? { done: undefined } : { seen: 'not healthy' },
  )
})
