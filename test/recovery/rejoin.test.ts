import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { metricsOf } from '../../scripts/lab/service/metrics.ts'
import { until } from '../../scripts/lab/wait.ts'
import { fault } from '../faults.ts'
import { containerOf, docker, failureOf, lab, patience, resetAfter, sql, verb } from '../the-lab.ts'
import { json, pollOnBoth, untilHas, voteGetsThrough, voteOn, votersOn } from './scene.ts'

const users = (votes: readonly { user: string }[]) => votes.map(({ user }) => user)

test('two primaries, the older one cut off for a while: the servers never write to it, and it is fenced, its own votes are listed and kept, and it is rewound', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  const other = await pollOnBoth()
  await voteOn('db-primary', other, 'eve')
  await untilHas('db-replica', 'select count(*) from vote', '1')
  const isolated = await fault('isolate', 'db-primary')
  t.equal(isolated.exit, 0, failureOf(isolated))
  await sql('db-replica', 'select pg_promote()')
  await voteOn('db-primary', poll, 'ann', 'bob', 'cyd')
  await voteOn('db-replica', poll, 'bob')
  await voteGetsThrough(t, poll, 'dan')
  t.equal((await fault('heal', 'isolate')).exit, 0)
  t.match((await verb('status')).stdout, /split brain/)
  for (const server of lab.servers) {
    const writable = (database: string) => `polling_database_writable{database="${database}"}`
    await until(`${server.name} to see both`, { seconds: 10, patience }, async () => {
      const said = await metricsOf(server)
      const seen = ['db-primary', 'db-replica'].map((name) =>
        said?.get(`polling_database_reachable{database="${name}"}`),
      )
      if (seen.some((reachable) => reachable !== 1)) return { seen: seen.join(' ') }
      return {
        done: t.strictSame(
          ['db-primary', 'db-replica'].map((name) => said?.get(writable(name))),
          [0, 1],
        ),
      }
    })
  }
  await voteGetsThrough(t, poll, 'fay')
  t.match((await verb('failover')).stderr, /SPLIT_BRAIN.*\n.*rejoin/)

  const done = await json(t, 'rejoin')
  t.match(done, { primary: 'db-replica', standbys: [{ name: 'db-primary', how: 'rewound', why: null }] })
  t.strictSame(users(done.standbys[0].divergedVotes), ['ann', 'cyd'])
  t.strictSame(users(JSON.parse(await readFile(done.standbys[0].keptIn, 'utf8'))), ['ann', 'cyd'])
  await untilHas('db-primary', 'select pg_is_in_recovery()', 't')
  t.equal(await votersOn('db-primary', poll), 'bob dan fay')
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-replica'] })
})

test('if a rewind is not possible, rejoin copies the node and says why; a frozen primary never thaws as a primary', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await docker('pause', containerOf('db-primary'))
  t.match(await json(t, 'failover'), { promoted: 'db-replica', fenced: ['db-primary'] })
  t.equal(await docker('inspect', '-f', '{{.State.Status}}', containerOf('db-primary')), 'exited')
  await sql('db-replica', '\\c postgres\nrevoke execute on function pg_ls_dir(text, boolean, boolean) from replicator')
  const done = await json(t, 'rejoin')
  const copied = { how: 'copied', why: /permission denied for function pg_ls_dir/, divergedVotes: [] }
  t.match(done, { standbys: [{ name: 'db-primary', ...copied }] })
  await voteOn('db-replica', poll, 'dan')
  await untilHas('db-primary', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'dan')
  t.equal(await sql('db-primary', 'select pg_is_in_recovery()'), 't')
})
