import { test } from 'tap'
import { startWatcher } from '../../scripts/lab/verbs/watcher.ts'
import { CHAIN, follow, receiversOf, tree } from '../standbys/cascade.ts'
import {
  containerOf,
  docker,
  json,
  lab,
  pollOnBoth,
  resetAfter,
  untilHas,
  untilSaid,
  verb,
  voteGetsThrough,
  votersOn,
} from '../standbys/three.ts'

test('a middle node that is killed is named as the cause, and rejoin brings it back before its follower', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await follow(t, 'db-replica-2', 'db-replica')
  await json(t, 'replication', 'on')
  await docker('kill', containerOf('db-replica'))
  await untilSaid('db-replica-2', /its upstream db-replica does not answer; zx scripts\/rejoin\.ts brings it back, or/)
  await voteGetsThrough(t, poll, 'ann')
  const replication = (await verb('replication')).stdout
  t.match(replication, /db-replica-2 follows db-replica: no commit waits for it/, 'also while its upstream is down')
  t.match(
    replication,
    /the first of db-replica, db-replica-3 that is there/,
    'and it is none of those that commits wait for',
  )
  t.match(await json(t, 'rejoin'), {
    standbys: [
      { name: 'db-replica', how: 'repaired', why: 'it was down' },
      { name: 'db-replica-3', how: 'none' },
      { name: 'db-replica-2', how: 'none' },
    ],
  })
  t.strictSame(await tree(t), CHAIN)
  await untilHas('db-replica-2', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'ann')
})

test('replication and failover count the same standbys: a silent one that follows another one is not missed, nor one that is fenced', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await follow(t, 'db-replica-2', 'db-replica')
  await json(t, 'replication', 'on', '--quorum', '1')
  await voteGetsThrough(t, poll, 'ann')
  await docker('kill', containerOf('db-replica-2'))
  const toldBefore = (await verb('replication')).stdout
  t.match(toldBefore, /any 1 of 2 standbys.* 2 of the 2 have to answer/)
  await docker('kill', containerOf('db-primary'))
  t.match((await verb('status')).stdout, /failover\.ts makes db-replica(-3)? the primary/)
  const { promoted } = await json(t, 'failover')
  t.equal(await votersOn(promoted, poll), 'ann')
  // It starts and follows again; the fenced one cannot have a vote of now.
  await docker('start', containerOf('db-replica-2'))
  await untilHas('db-replica-2', `select pg_is_in_recovery()`, 't')
  const direct = promoted === 'db-replica' ? 2 : 1
  await json(t, 'replication', 'on', '--quorum', '1')
  const { others } = await json(t, 'replication')
  t.equal(others.length, direct)
  t.notOk(others.includes('db-primary'))
})

test('if the middle node cannot come back, rejoin points its follower at the primary, and commits may wait for it', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await follow(t, 'db-replica-2', 'db-replica')
  await follow(t, 'db-replica-3', 'db-replica-2')
  await json(t, 'replication', 'on')
  await docker('stop', containerOf('db-replica'))
  // Its data belong to somebody else now, so that it does not start.
  const chown = ['run', '--rm', '--user', 'root', '--network', 'none', '--volumes-from', containerOf('db-replica')]
  const image = await docker('inspect', '-f', '{{.Config.Image}}', containerOf('db-replica'))
  const owner = (who: string) => docker(...chown, image, 'chown', who, '/var/lib/postgresql/data')
  await owner('root')
  t.teardown(() => owner('postgres'))
  const failed = await verb('rejoin')
  t.equal(failed.exit, 1, 'it says that db-replica is not back')
  t.match(failed.stderr, /db-replica/)
  t.equal(await receiversOf('db-primary'), 'db-replica-2')
  t.equal(await receiversOf('db-replica-2'), 'db-replica-3', 'a follower of the follower stays where it is')
  await voteGetsThrough(t, poll, 'ann')
  await untilHas('db-replica-3', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'ann')
})

test('a watch points the followers of a dead middle node at the primary, says so, and commits go on', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await follow(t, 'db-replica-2', 'db-replica')
  await follow(t, 'db-replica-3', 'db-replica')
  await json(t, 'replication', 'on')
  const watcher = startWatcher(lab, [])
  t.teardown(() => watcher.stop())
  await watcher.next('watching')
  await docker('pause', containerOf('db-replica'))
  t.match(await watcher.next('retargeted'), {
    standbys: ['db-replica-2', 'db-replica-3'],
    gone: 'db-replica',
    primary: 'db-primary',
    why: /paused/,
  })
  await voteGetsThrough(t, poll, 'ann')
  t.match(await receiversOf('db-primary'), /db-replica-2 db-replica-3/)
  await docker('kill', containerOf('db-primary'))
  const done = await watcher.next('failed-over')
  t.match(done, { promoted: /db-replica-[23]/, lost: { bytes: Number } })
  t.equal(await votersOn(done.promoted, poll), 'ann')
})

for (const to of [undefined, 'db-replica', 'db-replica-2', 'db-replica-3'] as const)
  test(`a failover ${to ? `to ${to}` : 'of its choice'} leaves who still has an upstream, and points the others`, async (t) => {
    resetAfter(t)
    const poll = await pollOnBoth()
    await follow(t, 'db-replica-2', 'db-replica')
    await json(t, 'replication', 'remote_apply')
    for (const user of ['ann', 'bob']) await voteGetsThrough(t, poll, user)
    for (const node of ['db-replica', 'db-replica-2', 'db-replica-3'] as const)
      await untilHas(node, `select count(*) from vote where poll_id = '${poll}'`, '2')
    await docker('kill', containerOf('db-primary'))
    const done = await json(t, 'failover', ...(to ? ['--to', to] : []))
    t.match(done, { promoted: to ?? /^db-replica(-3)?$/, lost: { bytes: Number } })
    await voteGetsThrough(t, poll, 'cleo')
    for (const node of ['db-replica', 'db-replica-2', 'db-replica-3'] as const)
      await untilHas(node, `select count(*) from vote where poll_id = '${poll}'`, '3')
    t.match(await json(t, 'rejoin'), { level: 'remote_apply' })
    const now = await tree(t)
    t.equal(now['db-primary'], done.promoted)
    t.equal(now['db-replica-2'], done.promoted === 'db-replica-2' ? undefined : 'db-replica')
    t.equal(await votersOn('db-primary', poll), 'ann bob cleo')
    t.match(await json(t, 'replication'), { level: 'remote_apply', hangs: false })
  })
