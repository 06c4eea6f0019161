import { test } from 'tap'
import type { DatabaseName } from '../../scripts/lab/topology/topology.ts'
import { until } from '../../scripts/lab/wait.ts'
import { CHAIN, follow, receiversOf, tree, voting } from './cascade.ts'
import {
  containerOf,
  docker,
  failureOf,
  json,
  patience,
  pollOnBoth,
  resetAfter,
  sql,
  untilHas,
  untilSaid,
  verb,
  voteGetsThrough,
} from './three.ts'

test('a standby follows another one, and the primary again, while votes go on; setup keeps that', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.match(await json(t, 'replication', 'on'), { level: 'on', cascaded: { length: 0 } })
  const votes = voting(poll)
  t.teardown(votes.stop)
  t.match(await follow(t, 'db-replica-2', 'db-replica'), {
    upstream: 'db-replica',
    direct: ['db-replica', 'db-replica-3'],
    level: 'on',
  })
  t.equal(await receiversOf('db-replica'), 'db-replica-2')
  t.equal(await receiversOf('db-primary'), 'db-replica db-replica-3')
  t.equal(await sql('db-primary', 'show synchronous_standby_names'), 'FIRST 1 ("db-replica", "db-replica-3")')
  t.match(await json(t, 'replication'), { cascaded: [{ name: 'db-replica-2', upstream: 'db-replica' }] })
  for (const time of ['first', 'second']) {
    t.equal(failureOf(await verb('setup')), 'it succeeds', time)
    t.strictSame(await tree(t), CHAIN, time)
  }
  t.match((await verb('status')).stdout, /db-primary .*\n└ db-replica .*\n {2}└ db-replica-2 .*\n└ db-replica-3 /)
  await docker('restart', containerOf('db-replica-2'))
  await untilHas('db-replica', 'select count(*) from pg_stat_replication', '1')

  t.match(await follow(t, 'db-replica-2', 'db-primary'), { direct: { length: 3 }, level: 'on' })
  t.strictSame(await tree(t), { ...CHAIN, 'db-replica-2': 'db-primary' })
  t.match(await sql('db-primary', 'show synchronous_standby_names'), /^FIRST 1 .*db-replica-2/)
  t.notMatch((await verb('status')).stdout, /└/, 'the table is as it was')
  const { acknowledged, failed } = await votes.stop()
  t.strictSame(failed, [], 'no vote failed')
  t.ok(acknowledged.length > 10, `${acknowledged.length} votes were cast meanwhile`)
  const cast = `select count(*) from vote where poll_id = '${poll}' and user_id = any ('{${acknowledged.join()}}')`
  await untilHas('db-replica-2', cast, String(acknowledged.length))
})

test('who cannot be followed is refused before anything changes', async (t) => {
  resetAfter(t)
  await follow(t, 'db-replica-2', 'db-replica')
  await follow(t, 'db-replica-3', 'db-replica-2')
  const before = { ...CHAIN, 'db-replica-3': 'db-replica-2' }
  t.strictSame(await tree(t), before)
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['db-primary', 'db-replica'], 1, /PRIMARY_FOLLOWS_NOBODY/],
    [['db-replica', 'db-replica'], 1, /FOLLOWS_ITSELF/],
    [['db-replica', 'db-replica-2'], 1, /WOULD_CIRCLE: db-replica-2 gets its WAL from db-replica/],
    [['db-replica', 'db-replica-3'], 1, /WOULD_CIRCLE/],
    [['db-replica', 'loader'], 1, /NO_SUCH_DATABASE: loader/],
    [['db-replica-4', 'db-replica'], 1, /NO_SUCH_DATABASE: db-replica-4/],
    [['db-replica'], 2, /missing required argument 'upstream'/],
    [['db-replica-3', 'db-replica', '--force'], 2, /unknown option '--force'/],
  ]
  for (const [args, exit, stderr] of cases)
    t.match(await verb('replication', ['follow', ...args]), { exit, stderr }, args.join(' '))
  t.strictSame(await tree(t), before)
  await follow(t, 'db-replica-3', 'db-primary')
  await follow(t, 'db-replica', 'db-replica-3')
  t.match(await verb('setup', [], { LAB_STANDBYS: '2' }), {
    exit: 1,
    stderr:
      /STANDBY_NEEDED: db-replica-3 cannot be removed: it is the upstream of db-replica\n.*replication\.ts follow/,
  })
  await docker('stop', containerOf('db-replica-2'))
  t.match(await verb('replication', ['follow', 'db-replica', 'db-replica-2']), {
    exit: 1,
    stderr: /CANNOT_FOLLOW: .*db-replica-2: its container is exited/,
  })
  t.match(await verb('replication', ['follow', 'db-replica-2', 'db-primary']), {
    exit: 1,
    stderr: /CANNOT_FOLLOW: .*db-replica-2: its container is exited/,
  })
  t.equal(await receiversOf('db-replica-3'), 'db-replica')
})

test('a standby that commits need stays a direct one; a quorum counts direct standbys only', async (t) => {
  resetAfter(t)
  await json(t, 'replication', 'on', '--quorum', '3')
  t.match(await verb('replication', ['follow', 'db-replica-2', 'db-replica']), {
    exit: 1,
    stderr: /NEEDED_DIRECTLY: .*any 3 standbys, and only 2 would be left/,
  })
  await json(t, 'replication', 'on', '--first', 'db-replica-2')
  t.match(await verb('replication', ['follow', 'db-replica-2', 'db-replica']), { exit: 1, stderr: /NEEDED_DIRECTLY/ })
  await json(t, 'replication', 'on', '--quorum', '2')
  const followed = await verb('replication', ['follow', 'db-replica-2', 'db-replica'])
  t.match(
    followed.stdout,
    /any 2 of 2 standbys.*\n! a commit can wait for 2 of the standbys now; before, it could wait for 3/,
  )
  t.match((await verb('status')).stdout, /writes go to db-primary \(durability: on any 2\)/)
  await docker('stop', containerOf('db-replica-3'))
  t.match((await verb('replication')).stdout, /commits hang .*follow db-replica-2 db-primary/)
  await docker('start', containerOf('db-replica-3'))
  t.equal(await sql('db-primary', 'show synchronous_standby_names'), 'ANY 2 ("db-replica", "db-replica-3")')
  t.match(await verb('replication', ['on', '--quorum', '3']), {
    exit: 1,
    stderr: /QUORUM_TOO_LARGE: .* their number is 2\n.*replication\.ts follow points one more at the primary/,
  })
  t.match(await verb('replication', ['on', '--first', 'db-replica-2']), { exit: 1, stderr: /NOT_DIRECT/ })
  t.match((await verb('replication')).stdout, /db-replica-2 follows db-replica: .*direct standbys only/)
})

test('a switchover to the end of a chain, and back to the start of it, loses nothing and makes no circle', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await follow(t, 'db-replica-2', 'db-replica')
  await follow(t, 'db-replica-3', 'db-replica-2')
  await json(t, 'replication', 'on')
  t.match(await json(t, 'switchover', 'db-replica-3'), { primary: 'db-replica-3', standby: 'db-primary' })
  t.strictSame(await tree(t), {
    ...{ 'db-primary': 'db-replica-3', 'db-replica': 'db-replica-3', 'db-replica-2': 'db-replica' },
  })
  t.match(await json(t, 'replication'), { level: 'on', hangs: false })
  await voteGetsThrough(t, poll, 'ann')
  t.match(await json(t, 'switchover', 'db-replica'), { primary: 'db-replica', standby: 'db-replica-3' })
  t.strictSame(await tree(t), {
    ...{ 'db-primary': 'db-replica', 'db-replica-2': 'db-replica', 'db-replica-3': 'db-replica' },
  })
  await untilHas('db-replica-2', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'ann')
})

test('a circle by hand is shown, and rejoin leads it back to the primary; reset undoes a cascade', async (t) => {
  resetAfter(t)
  await pollOnBoth()
  const point = (node: DatabaseName, upstream: DatabaseName) =>
    docker('exec', containerOf(node), 'bash', '/usr/local/bin/follow', upstream)
  await point('db-replica', 'db-replica-2')
  await point('db-replica-2', 'db-replica')
  await untilSaid('db-replica', /it follows db-replica-2, and not db-primary/)
  await untilSaid('db-replica-2', /it follows db-replica, and not db-primary/)
  t.match(await json(t, 'rejoin'), { standbys: { length: 3 } })
  await tree(t)
  await until('the primary to have a standby', { seconds: 10, patience }, async () => {
    const seen = await receiversOf('db-primary')
    return seen.includes('db-replica') ? { done: undefined } : { seen }
  })
  t.equal((await verb('reset')).exit, 0)
  t.strictSame(await tree(t), { ...CHAIN, 'db-replica-2': 'db-primary' })
})
