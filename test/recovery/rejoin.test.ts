import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { containerOf, docker, resetAfter, sql, verb } from '../the-lab.ts'
import { json, pollOnBoth, untilHas, voteOn, votersOn } from './scene.ts'

const users = (votes: readonly { user: string }[]) => votes.map(({ user }) => user)

test('two primaries: the older one is fenced, its own votes are listed and kept, and it is rewound', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  const other = await pollOnBoth()
  await voteOn('db-primary', other, 'eve')
  await untilHas('db-replica', 'select count(*) from vote', '1')
  await sql('db-replica', 'select pg_promote()')
  await voteOn('db-primary', poll, 'ann', 'bob', 'cyd')
  await voteOn('db-replica', poll, 'bob', 'dan')
  t.match((await verb('status')).stdout, /split brain/)
  t.match((await verb('failover')).stderr, /SPLIT_BRAIN.*\n.*rejoin/)

  const done = await json(t, 'rejoin')
  t.match(done, { primary: 'db-replica', standby: 'db-primary', how: 'rewound', why: null })
  t.strictSame(users(done.divergedVotes), ['ann', 'cyd'])
  t.strictSame(users(JSON.parse(await readFile(done.keptIn, 'utf8'))), ['ann', 'cyd'])
  await untilHas('db-primary', 'select pg_is_in_recovery()', 't')
  t.equal(await votersOn('db-primary', poll), 'bob dan')
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-replica'] })
})

test('where a rewind is not possible it is copied, and says why; a frozen primary never thaws as one', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await docker('pause', containerOf('db-primary'))
  t.match(await json(t, 'failover'), { promoted: 'db-replica', fenced: 'db-primary' })
  t.equal(await docker('inspect', '-f', '{{.State.Status}}', containerOf('db-primary')), 'exited')
  await sql('db-replica', '\\c postgres\nrevoke execute on function pg_ls_dir(text, boolean, boolean) from replicator')
  const done = await json(t, 'rejoin')
  t.match(done, {
    standby: 'db-primary',
    how: 'copied',
    why: /permission denied for function pg_ls_dir/,
    divergedVotes: [],
  })
  await voteOn('db-replica', poll, 'dan')
  await untilHas('db-primary', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'dan')
  t.equal(await sql('db-primary', 'select pg_is_in_recovery()'), 't')
})
