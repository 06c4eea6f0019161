// Healthy means that a vote could be cast, and would be replicated: what else is wrong is said with what repairs it.
import { spawnSync } from 'node:child_process'
import { test } from 'tap'
import { attempt } from '../../scripts/lab/docker/command.ts'
import { LAB_LABEL } from '../../scripts/lab/docker/ownership.ts'
import type { DatabaseName } from '../../scripts/lab/topology/topology.ts'
import { statusOf } from '../../scripts/lab/verbs/status.ts'
import { until } from '../../scripts/lab/wait.ts'
import { containerOf, docker, failureOf, lab, patience, sql, verb } from '../the-lab.ts'
import { pollOnBoth, voteGetsThrough, votersOn } from './scene.ts'

const untilSaid = (node: DatabaseName, what: RegExp) =>
  until(`${what} of ${node}`, { seconds: 30, patience }, async () => {
    const { healthy, nodes } = await statusOf(lab)
    const seen = nodes.find(({ name }) => name === node)?.problem ?? 'healthy'
    return what.test(seen) && !healthy ? { done: seen } : { seen }
  })

const untilHealthy = () =>
  until('a healthy lab', { seconds: 30, patience }, async () => {
    const { healthy, nodes } = await statusOf(lab)
    return healthy ? { done: undefined } : { seen: nodes.map(({ problem }) => problem).join('; ') }
  })

const VOLUME = '/var/lib/postgresql'
const DATA = `${VOLUME}/data`
const END_SERVICE = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'service'"

/** Connections that a role without special rights can still get. */
const FREE = `select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - count(*)
  from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`

/** Sessions of the superuser: every other role has a limit of its own, which leaves room for the rest. */
const idle = (count: number) =>
  docker(
    ...['exec', '-d', '-e', 'PGAPPNAME=idler', containerOf('db-primary'), 'bash', '-c'],
    `for n in $(seq ${count}); do psql -qd polling -c 'select pg_sleep(600)' & done; wait`,
  )
const IDLERS = "from pg_stat_activity where application_name = 'idler'"

test('a primary whose last sessions are reserved ones is not healthy, although the servers still cast votes', async (t) => {
  t.teardown(async () => {
    // No session is left to end them by; a session of psql ends with its backend.
    await docker('exec', containerOf('db-primary'), 'pkill', '-f', 'postgres: .* postgres polling .local. SELECT')
    await untilHealthy()
  })
  // One is left: for status, which is a superuser too.
  await idle(Number(await sql('db-primary', FREE)) + 2)
  await untilSaid('db-primary', /no other session of the servers gets in: \d+ are open .*pg_terminate_backend/)
  t.equal((await statusOf(lab)).takesVotes, true)
  // And none at all.
  await idle(3)
  await untilSaid('db-primary', /all its connection slots are in use, even those for the superuser.*docker restart/)
})

test('sessions that take up all connections are named by status and setup, with the clients that have them and what ends them', async (t) => {
  t.teardown(async () => {
    await sql('db-primary', `select pg_terminate_backend(pid) ${IDLERS}`)
    await untilHealthy()
  })
  await until('all connections taken', { seconds: 30, patience }, async () => {
    // The service had some before: they are taken as they become free.
    await sql('db-primary', "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'service'")
    const free = Number(await sql('db-primary', FREE))
    if (free <= 0) return { done: undefined }
    await idle(free)
    const left = () => sql('db-primary', FREE).then(Number)
    await until('them to connect', { seconds: 10, patience }, async () => {
      const now = await left()
      return now <= 0 || now > free ? { done: undefined } : { seen: `${now} free` }
    })
    return { seen: `${free} were free` }
  })
  await untilSaid(
    'db-primary',
    /no other session of the servers gets in: \d+ are open of at most \d+, most of them by postgres \(idler\).*pg_terminate_backend/,
  )
  t.match(
    (await verb('setup')).stderr,
    /HINDERED: db-primary: no other session of the servers gets in: .*postgres \(idler\).*\n.*pg_terminate_backend/,
  )
})

test('a standby that replays hours later is unhealthy, and status says how to end that', async (t) => {
  t.teardown(async () => {
    await sql('db-replica', 'alter system reset recovery_min_apply_delay')
    await sql('db-replica', 'select pg_reload_conf()')
    await untilHealthy()
  })
  await sql('db-replica', "alter system set recovery_min_apply_delay = '6h'")
  await sql('db-replica', 'select pg_reload_conf()')
  await untilSaid('db-replica', /waits 21600 s .*alter system reset recovery_min_apply_delay/)
})

test('a primary that takes no writes by its settings, or not from the service, is not healthy', async (t) => {
  t.teardown(async () => {
    await sql('db-primary', 'alter role service login')
    await sql('db-primary', 'alter system reset default_transaction_read_only')
    await sql('db-primary', 'select pg_reload_conf()')
    await untilHealthy()
  })
  await sql('db-primary', 'alter system set default_transaction_read_only = on')
  await sql('db-primary', 'select pg_reload_conf()')
  await untilSaid('db-primary', /default_transaction_read_only is on.*alter system reset/)
  const { stderr } = await verb('poll', ['create', 'Tea or coffee?', 'Tea', 'Coffee'])
  t.match(stderr, /UNAVAILABLE: database db-primary is read-only .*\n.*zx scripts\/status\.ts/)
  await sql('db-primary', 'alter system reset default_transaction_read_only')
  await sql('db-primary', 'select pg_reload_conf()')
  await untilHealthy()

  const container = containerOf('db-primary')
  const file = `${DATA}/postgresql.conf`
  t.teardown(() => docker('exec', container, 'sed', '-i', '/^default_transaction/d', file))
  for (const [where, ...set] of [
    ['a file', `\\! echo 'default_transaction_read_only = on' >>${file}`, 'select pg_reload_conf()'],
    ['the database', 'alter database polling set default_transaction_read_only = on', END_SERVICE],
    ['the role', 'alter role service set default_transaction_read_only = on', END_SERVICE],
  ] as const) {
    for (const statement of set) await sql('db-primary', statement)
    const said = await untilSaid('db-primary', /default_transaction_read_only is on; docker exec/)
    const [command = ''] = /docker exec .*/.exec(said) ?? []
    t.equal(spawnSync('bash', ['-c', command]).status, 0, `${where}: ${command}`)
    await untilHealthy()
  }
  await sql('db-primary', 'alter role service nologin')
  await sql('db-primary', "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'service'")
  await untilSaid('db-primary', /no vote can be cast/)
})

test('a disk that is filling up is said before and when it is full, and whoever died of it comes back with its votes once there is room', async (t) => {
  const [node] = lab.databases
  const keeper = `${containerOf('db-primary')}-keeper`
  const begin = async () => {
    await docker('rm', '-fv', ...lab.databases.map(({ container }) => container), keeper).catch(() => undefined)
    await docker('volume', 'rm', ...lab.databases.map(({ volume }) => `${volume}`))
  }
  t.teardown(async () => {
    await begin()
    const ran = await verb('setup')
    if (ran.exit !== 0) throw new Error(failureOf(ran))
  })
  const image = await docker('inspect', '-f', '{{.Config.Image}}', containerOf('db-primary'))
  await begin()
  const labels = [`${LAB_LABEL}=${lab.name}`, `failover-lab.postgres=${lab.settings.postgres}`]
  const small = ['type=tmpfs', 'device=tmpfs', 'o=size=300m,uid=999,gid=999,mode=0700']
  await docker(
    ...['volume', 'create', ...labels.flatMap((it) => ['--label', it]), '-d', 'local'],
    ...[...small.flatMap((it) => ['-o', it]), `${node?.volume}`],
  )
  // What is in memory stays as long as somebody has it mounted.
  await docker(
    'run',
    '-d',
    '--name',
    keeper,
    '--user',
    '999',
    '-v',
    `${node?.volume}:${VOLUME}`,
    image,
    'sleep',
    '3600',
  )
  const ran = await verb('setup')
  t.equal(ran.exit, 0, failureOf(ran))
  t.match(ran.stdout, /! db-primary: only \d+\.\d MiB are left on the disk of its data: free space/)

  const poll = await pollOnBoth()
  await voteGetsThrough(t, poll, 'ann')
  const fill = () => attempt(['exec', keeper, 'bash', '-c', `cat /dev/zero >${DATA}/filler; true`])
  const free = () => docker('exec', keeper, 'rm', `${DATA}/filler`)
  await fill()
  await untilSaid('db-primary', /the disk of its data is full .*free space .*no vote has to be deleted/)
  await free()
  await untilHealthy()

  await fill()
  await sql('db-primary', "select pg_logical_emit_message(false, 'test', repeat('x', 50000000))").catch(() => undefined)
  const said = await verb('setup')
  t.match(said.stderr, /HINDERED: db-primary: the disk of its data is full.*\n.*free space/, said.stdout)
  t.notMatch(said.stderr, /reset/)
  await free()
  const again = await verb('setup')
  t.equal(again.exit, 0, failureOf(again))
  t.equal(await votersOn('db-primary', poll), 'ann')
})
