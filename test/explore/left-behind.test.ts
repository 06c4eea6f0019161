// What earlier failovers and broken links leave behind has no say in the next failover.
import { test } from 'tap'
import { writeStartNote } from '../../scripts/lab/postgres/start-note.ts'
import { databaseNamed } from '../../scripts/lab/topology/topology.ts'
import {
  containerOf,
  docker,
  json,
  lab,
  pollOnBoth,
  resetAfter,
  untilHas,
  untilSaid,
  untilVoters,
  verb,
  voteGetsThrough,
  votersOn,
} from '../standbys/three.ts'

test('a link between two standbys is broken, shown and healed like any other; a switchover over it changes nothing', async (t) => {
  resetAfter(t)
  t.equal((await verb('fault', ['isolate', 'db-replica-2', 'db-replica-3'])).exit, 0)
  t.match(await json(t, 'fault', 'list'), { faults: [{ kind: 'isolate', node: 'db-replica-2', peer: 'db-replica-3' }] })
  t.match(await verb('switchover', ['db-replica-2']), {
    ...{ exit: 1, stderr: /SWITCHOVER_NOT_READY: .*db-replica-3 gets no connection to db-replica-2/ },
  })
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-primary'] })
  t.equal((await verb('fault', ['heal'])).exit, 0)
  t.match(await json(t, 'fault', 'list'), { faults: { length: 0 } })
})

test('a failover beside a node that is fenced already asks only the primary what would be lost', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await docker('kill', containerOf('db-primary'))
  t.match(await json(t, 'failover', '--to', 'db-replica'), { promoted: 'db-replica' })
  await voteGetsThrough(t, poll, 'ann')
  await untilVoters('db-replica-2', poll, 'ann')
  const done = await json(t, 'failover', '--to', 'db-replica-2')
  t.match(done, { promoted: 'db-replica-2', lost: { node: 'db-replica' } })
  t.equal(await votersOn('db-replica-2', poll), 'ann')
  await docker('kill', containerOf('db-replica-2'))
  await untilSaid('db-replica-3', /it gets no connection to db-replica-2/)
})

test('what an earlier failover left behind has no say in the next one, and its fence is not the one that rejoin undoes', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.equal((await verb('replication', ['on', '--quorum', '1'])).exit, 0)
  await docker('kill', containerOf('db-primary'))
  t.match(await json(t, 'failover'), { promoted: 'db-replica', fenced: ['db-primary'] })
  await voteGetsThrough(t, poll, 'ann')
  // What a failover leaves that ends between fencing and promoting.
  await docker('exec', containerOf('db-replica'), 'bash', '-c', 'echo fenced=yes >$PGDATA/../start-note')
  await docker('kill', containerOf('db-replica'))
  t.match(await json(t, 'rejoin'), {
    primary: 'db-replica',
    standbys: [{ name: 'db-primary', how: 'rewound' }, {}, {}],
  })
  t.equal(await votersOn('db-replica', poll), 'ann', 'db-primary never had this vote')

  await docker('kill', containerOf('db-replica'))
  const { promoted: second } = await json(t, 'failover')
  await voteGetsThrough(t, poll, 'bob')
  await docker('kill', containerOf(second))
  const { promoted: third, fenced } = await json(t, 'failover')
  t.strictSame(fenced, [second, 'db-replica'], 'both of the others were heard, and that is enough')
  t.equal(await votersOn(third, poll), 'ann bob')
})

test('if a switchover ends before anybody is promoted, failover promotes a standby, whatever was left behind before', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await docker('kill', containerOf('db-primary'))
  t.match(await json(t, 'failover'), { promoted: 'db-replica', fenced: ['db-primary'] })
  await voteGetsThrough(t, poll, 'ann')
  // What a switchover leaves that ends between the demotion and the promotion.
  await docker('stop', containerOf('db-replica'))
  await writeStartNote(() => {}, databaseNamed(lab, 'db-replica'), { do: 'follow', from: 'db-replica-2' })
  await docker('start', containerOf('db-replica'))
  await untilHas('db-replica', 'select pg_is_in_recovery()', 't')
  t.match((await verb('rejoin')).stderr, /NO_PRIMARY: .*\n.*failover/)
  t.match(await json(t, 'failover'), { promotedNow: true })
  await voteGetsThrough(t, poll, 'bob')
})
