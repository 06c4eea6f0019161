import { test } from 'tap'
import {
  containerOf,
  docker,
  failureOf,
  json,
  lab,
  moveSlots,
  pollOnBoth,
  resetAfter,
  slotsOf,
  sql,
  untilHas,
  verb,
  voteOn,
} from './three.ts'

test('every standby streams over a slot of its own; after a reset, too', async (t) => {
  for (const when of ['after setup', 'after reset']) {
    t.match(await json(t, 'status'), { healthy: true, primaries: ['db-primary'] }, when)
    t.equal(await slotsOf('db-primary'), 'db_replica db_replica_2 db_replica_3', when)
    const streaming = "select count(*) from pg_stat_replication where state = 'streaming'"
    t.equal(await sql('db-primary', streaming), '3', when)
    if (when === 'after setup') t.equal((await verb('reset')).exit, 0)
  }
})

test('setup with a smaller number removes standbys with their volumes and slots; with a larger one they come back with all votes', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.equal((await verb('replication', ['on'])).exit, 0)
  await moveSlots('db-replica-2', 'db-replica-3')
  t.match(await slotsOf('db-replica'), /db_replica_2 db_replica_3/)
  t.equal(failureOf(await verb('setup', [], { LAB_STANDBYS: '1' })), 'it succeeds')
  t.equal(await slotsOf('db-primary'), 'db_replica')
  await moveSlots('db-primary')
  t.equal(await slotsOf('db-replica'), 'db_primary')
  t.equal(await sql('db-primary', 'show synchronous_standby_names'), '"db-replica"')
  const volumes = await docker('volume', 'ls', '-q', '--filter', `label=failover-lab.lab=${lab.name}`)
  t.notMatch(volumes, /db-replica-[23]/)
  await voteOn('db-primary', poll, 'ann')
  t.equal(failureOf(await verb('setup', [])), 'it succeeds')
  t.match(await sql('db-primary', 'show synchronous_standby_names'), /db-replica.*db-replica-2.*db-replica-3/)
  await untilHas('db-replica-3', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'ann')
  t.match(await json(t, 'status'), { healthy: true })
})

test('a verb with another number than the lab has is refused, but status shows the lab as it is', async (t) => {
  for (const name of ['failover', 'reset', 'rejoin', 'switchover'])
    t.match(await verb(name, [], { LAB_STANDBYS: '1' }), {
      exit: 1,
      stderr: /RUNS_WITH: .*LAB_STANDBYS=3.*LAB_STANDBYS=1\n.*put LAB_STANDBYS=3 in front/,
    })
  t.equal((await verb('setup', [], { LAB_STANDBYS: '' })).exit, 0, 'setup without a number keeps the one there is')
  const seen = await verb('status', [], { LAB_STANDBYS: '1' })
  t.match(seen.stdout, /7 of 7 nodes healthy/)
  t.match(seen.stdout, /runs with LAB_STANDBYS=3/)
})

test('a number that is not 1 to 3 is refused; so is one without the primary, and nothing changes', async (t) => {
  resetAfter(t)
  for (const wrong of ['0', '4', 'x'])
    t.match(await verb('setup', [], { LAB_STANDBYS: wrong }), {
      exit: 1,
      stderr: /SETTING: LAB_STANDBYS.*\n.*1, 2 or 3/,
    })
  t.match(await json(t, 'switchover', 'db-replica-3'), { primary: 'db-replica-3', standby: 'db-primary' })
  t.match(await verb('setup', [], { LAB_STANDBYS: '2' }), {
    exit: 1,
    stderr: /STANDBY_NEEDED: db-replica-3 cannot be removed: it is the primary\n.*switchover\.ts db-primary/,
  })
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-replica-3'] })
  t.match(await verb('switchover', ['db-replica-3']), { exit: 1, stderr: /ALREADY_PRIMARY/ })
  t.match(await verb('switchover', ['loader']), { exit: 1, stderr: /NO_SUCH_DATABASE: loader/ })
  t.equal(await docker('inspect', '-f', '{{.State.Status}}', containerOf('db-replica-2')), 'running')
})

test('a standby is not removed while it is the only one that commits can wait for', async (t) => {
  resetAfter(t)
  t.equal((await verb('replication', ['on'])).exit, 0)
  await docker('stop', containerOf('db-replica'))
  t.match(await verb('setup', [], { LAB_STANDBYS: '1' }), {
    exit: 1,
    stderr: /STANDBY_NEEDED: db-replica-2 .*only standby.*on/,
  })
  t.equal(await docker('inspect', '-f', '{{.State.Status}}', containerOf('db-replica-2')), 'running')
})
