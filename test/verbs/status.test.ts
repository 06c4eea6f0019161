import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { containerOf, docker, failureOf, lab, patience, sql, startVerb, verb } from '../the-lab.ts'

test('status shows each node with its present role, timeline, LSN, lag and slot', async (t) => {
  const ran = await verb('status', ['--json'])
  t.equal(ran.exit, 0, failureOf(ran))
  const status = JSON.parse(ran.stdout)
  t.match(status, { lab: lab.name, healthy: true, primaries: ['db-primary'], serving: ['primary', 'backup'] })
  t.strictSame(
    status.nodes.map(({ name }: { name: string }) => name),
    lab.nodes.map(({ name }) => name),
  )
  for (const { name, memoryBytes } of status.nodes) t.ok(memoryBytes > 2 ** 20, `${name} uses ${memoryBytes} bytes`)
  const [primary, replica] = status.nodes
  t.match(primary, {
    healthy: true,
    database: {
      role: 'primary',
      timeline: 1,
      lsn: /^[0-9A-F]+\/[0-9A-F]+$/,
      slots: [{ name: 'db_replica', active: true }],
    },
  })
  t.match(replica, {
    healthy: true,
    endpoint: null,
    database: { role: 'standby', timeline: 1, streaming: true, replayPaused: false, lagBytes: Number },
  })
})

test('lag shows while replay is paused and ends when it resumes', async (t) => {
  await sql('db-replica', 'select pg_wal_replay_pause()')
  t.teardown(() => sql('db-replica', 'select pg_wal_replay_resume()'))
  await sql('db-primary', "insert into poll (id, question, options) values (gen_random_uuid(), 'Lag?', '{a,b}')")
  const ran = await verb('status', ['--json'])
  t.equal(ran.exit, 1, 'not healthy')
  const { database, problem } = JSON.parse(ran.stdout).nodes[1]
  t.ok(database.lagBytes > 0, `${database.lagBytes} bytes`)
  t.match(problem, /replay is paused/)
  await sql('db-replica', 'select pg_wal_replay_resume()')
  await until('no lag', { seconds: 10, patience }, async () => {
    const again = await verb('status', ['--json'])
    return again.exit === 0 && JSON.parse(again.stdout).nodes[1].database.lagBytes === 0
      ? { done: undefined }
      : { seen: again.stdout }
  })
})

test('a node that is down, frozen or gone is named with its state', async (t) => {
  await docker('stop', containerOf('backup'))
  await docker('pause', containerOf('db-replica'))
  const ran = await verb('status')
  t.equal(ran.exit, 1)
  t.match(ran.stdout, /db-replica +paused/)
  t.match(ran.stdout, /backup +exited/)
  t.match(ran.stdout, /3 of 5 nodes healthy|2 of 5 nodes healthy/)
  t.equal((await verb('setup')).exit, 0)
})

test('a promoted standby is shown as the primary it now is, beside the old one', async (t) => {
  await docker('stop', containerOf('db-primary'))
  await sql('db-replica', 'select pg_promote()')
  const ran = await verb('status', ['--json'])
  t.match(JSON.parse(ran.stdout), { primaries: ['db-replica'] })
  t.match(JSON.parse(ran.stdout).nodes[1].database, { role: 'primary', timeline: 2 })
  await docker('start', containerOf('db-primary'))
  const both = await until('both primaries in status', { seconds: 10, patience }, async () => {
    const seen = await verb('status')
    return /split brain/.test(seen.stdout) ? { done: seen } : { seen: seen.stdout }
  })
  t.equal(both.exit, 1)
  const refused = await verb('setup')
  t.match(refused.stderr, /SPLIT_BRAIN/)
  t.equal((await verb('reset')).exit, 0)
})

test('--watch --json prints an object a line until it is interrupted', async (t) => {
  const { child, ended } = startVerb('status', ['--watch', '0.2', '--json'])
  const lines = createInterface(child.stdout)
  for (let look = 0; look < 3; look++) {
    const [line] = await once(lines, 'line')
    t.match(JSON.parse(line), { healthy: true, nodes: Array })
  }
  child.kill('SIGINT')
  const { exit, stderr } = await ended
  t.equal(exit, 130)
  t.match(stderr, /only looks/, 'there is nothing to go on with')
})

test('status of a lab that is not there says so and fails', async (t) => {
  const ran = await verb('status', [], { LAB_NAME: 'no-such-lab' })
  t.equal(ran.exit, 1)
  t.match(ran.stdout, /0 of 5 nodes healthy/)
})
