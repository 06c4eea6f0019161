import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, patience, resetAfter, sql } from '../the-lab.ts'

const SERVERS = ['primary', 'backup'] as const
type Server = (typeof SERVERS)[number]

/** Runs JavaScript in a server's container. */
const inside = (name: Server, code: string) => docker('exec', containerOf(name), 'node', '-e', code)

const metrics = (name: Server) =>
  inside(name, "fetch('http://127.0.0.1:9464/metrics').then(async (r) => console.log(await r.text()))")

/** What a connection to a server's port comes to, tried from inside: past the engine's proxy, which always accepts. */
const knock = (name: Server) =>
  inside(
    name,
    `const s = require('net').connect(process.env.PORT, '127.0.0.1')
     s.on('connect', () => { console.log('accepted'); s.destroy() }).on('error', (e) => console.log(e.code))`,
  )

async function writesGoTo(name: Server, database: string): Promise<void> {
  await until(`${name} to write to ${database}`, { seconds: 10, patience }, async () => {
    const seen = (await metrics(name)).split('\n').filter((line) => line.startsWith('polling_database_writable{'))
    return seen.includes(`polling_database_writable{database="${database}"} 1`)
      ? { done: undefined }
      : { seen: seen.join(' ') }
  })
}

test('servers with no database to read from accept no connections, and come back by themselves', async (t) => {
  const startedAt = () => docker('inspect', '-f', '{{.State.StartedAt}}', ...SERVERS.map(containerOf))
  const before = await startedAt()
  t.teardown(() => docker('unpause', containerOf('db-primary'), containerOf('db-replica')).catch(() => {}))
  const it = client(addressOf('loader'))
  t.teardown(it.close)
  await ok(it.listPolls())
  await docker('pause', containerOf('db-primary'), containerOf('db-replica'))
  for (const name of SERVERS) {
    await until(`${name} to accept no connections`, { seconds: 15, patience }, async () => {
      const seen = await knock(name)
      return seen === 'ECONNREFUSED' ? { done: undefined } : { seen }
    })
  }
  t.match(await it.listPolls(), { status: 'UNAVAILABLE', details: /no server answered/ })
  await docker('unpause', containerOf('db-primary'), containerOf('db-replica'))
  const served = new Set<string | undefined>()
  await until('both servers to answer through the balancer', { seconds: 20, patience }, async () => {
    const answer = await it.listPolls()
    if ('ok' in answer) served.add(answer.servedBy)
    return served.size === 2 ? { done: undefined } : { seen: JSON.stringify(answer) }
  })
  t.equal(await startedAt(), before, 'without a restart')
})

test('after a promotion both servers write to the promoted node and read no more from the one left behind', async (t) => {
  resetAfter(t)
  const { uuid } = await ok(client(addressOf('primary')).createPoll({ poll_questions: 'Where?', options: ['a', 'b'] }))
  await until('the poll on the replica', { seconds: 5, patience }, async () => {
    const seen = await sql('db-replica', `select count(*) from poll where id = '${uuid}'`)
    return seen === '1' ? { done: undefined } : { seen }
  })
  // The old primary lives on: nobody fenced it.
  await sql('db-replica', 'select pg_promote()')
  for (const name of SERVERS) await writesGoTo(name, 'db-replica')
  for (const name of SERVERS) {
    const it = client(addressOf(name))
    t.teardown(it.close)
    for (let number = 0; number < 5; number++) {
      const vote = { uuid, userID: `${name}-${number}`, select_options: 'a' }
      t.match(await ok(it.castVote(vote)), { status: 'Vote Successfully!' })
    }
  }
  const votes = `select count(*) from vote where poll_id = '${uuid}'`
  t.equal(await sql('db-replica', votes), '10')
  t.equal(await sql('db-primary', votes), '0', 'nothing was written to the primary on the lower timeline')
  for (const name of SERVERS) {
    const it = client(addressOf(name))
    t.teardown(it.close)
    t.match(await ok(it.results(uuid)), { results: { a: 10, b: 0 } }, `${name} reads the history that goes on`)
  }
  const said = await metrics('primary')
  t.match(said, /^polling_writable_reason\{reason="primary on timeline 2"\} 1$/m)
  t.match(said, /^polling_database_lag_bytes\{database="db-replica"\} 0$/m)
  const log = await docker('logs', containerOf('primary'))
  t.match(log, /"writable":"db-replica","was":"db-primary","reason":"primary on timeline 2"/)
})
