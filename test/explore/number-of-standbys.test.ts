import { test } from 'tap'
import { startWatcher } from '../../scripts/lab/verbs/watcher.ts'
import {
  containerOf,
  docker,
  failureOf,
  json,
  lab,
  moveSlots,
  pollOnBoth,
  resetAfter,
  setUp,
  slotsOf,
  sql,
  untilHas,
  verb,
  voteOn,
} from '../standbys/three.ts'

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
  t.equal(failureOf(await verb('setup', [], { LAB_STANDBYS: '3' })), 'it succeeds')
  t.match(await sql('db-primary', 'show synchronous_standby_names'), /db-replica.*db-replica-2.*db-replica-3/)
  await untilHas('db-replica-3', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'ann')
  t.match(await json(t, 'status'), { healthy: true })
})

test('a verb that is given another number than the lab has is refused, but status shows the lab as it is', async (t) => {
  const verbs = [
    ['failover'],
    ['failover', '--watch'],
    ['reset'],
    ['rejoin'],
    ['switchover'],
    ['replication'],
    ['replication', 'on'],
    ['fault', 'list'],
    ['fault', 'crash', 'db-replica'],
    ['fault', 'heal'],
    ['exercise', 'start', '1', '--discard'],
    ['exercise', 'check'],
    ['experiment'],
  ]
  for (const [name = '', ...args] of verbs)
    t.match(
      await verb(name, args, { LAB_STANDBYS: '1' }),
      {
        exit: 1,
        stderr:
          /RUNS_WITH: .*LAB_STANDBYS=3.*LAB_STANDBYS=1\n.*leave LAB_STANDBYS out.*LAB_STANDBYS=1 zx scripts\/setup/,
      },
      `${name} ${args.join(' ')}`,
    )
  t.match(await json(t, 'fault', 'list'), { faults: { length: 0 } })
  const seen = await verb('status', [], { LAB_STANDBYS: '1' })
  t.match(seen.stdout, /7 of 7 nodes healthy/)
  t.match(seen.stdout, /runs with LAB_STANDBYS=3, not with these settings: leave LAB_STANDBYS out/)
  t.equal((await verb('status', ['--json'], { LAB_STANDBYS: '3' })).exit, 0)
})

test('without a number every verb works on the standbys that there are, and setup keeps them', async (t) => {
  t.equal(failureOf(await verb('setup')), 'it succeeds')
  t.match(await json(t, 'replication'), { standbys: { length: 3 } })
  t.match(await json(t, 'status'), { healthy: true, runsWith: null, nodes: { length: 7 } })
  t.equal((await verb('fault', ['crash', 'db-replica-3'])).exit, 0)
  t.match(await json(t, 'fault', 'list'), { faults: [{ kind: 'crash', node: 'db-replica-3' }] })
  t.match(await verb('fault', ['heal', 'db-replica-3']), { exit: 0, stdout: /healed: crash db-replica-3/ })
})

test('a standby whose container was removed still counts: nobody is promoted as if it had never been', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.teardown(() => setUp('3'))
  t.equal((await verb('replication', ['on', '--quorum', '2'])).exit, 0)
  await docker('rm', '-f', containerOf('db-replica-3'))
  t.match(await verb('setup', [], { LAB_STANDBYS: '2' }), { exit: 1, stderr: /STANDBY_NEEDED: db-replica-3/ })
  await voteOn('db-primary', poll, 'ann')
  await docker('pause', containerOf('db-replica-2'))
  await docker('kill', containerOf('db-primary'))
  const refused = await verb('failover')
  t.match(refused.stderr, /QUORUM_UNKNOWN: .*2 of 3 standbys have to answer.*, and 1 answered/)
  t.match(refused.stderr, /container is absent; nobody can read whom db-replica-3 followed/)
  t.match(refused.stderr, /bring a silent standby back \(zx scripts\/setup\.ts\)/)
  t.equal(failureOf(await verb('setup')), 'it succeeds')
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-primary'] })
  await untilHas('db-replica-3', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'ann')
})

test('if enough others answer, a failover goes on without a standby whose container was removed; setup and rejoin bring it back', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.teardown(() => setUp('3'))
  t.equal((await verb('replication', ['on', '--quorum', '2'])).exit, 0)
  await voteOn('db-primary', poll, 'ann')
  await docker('rm', '-f', containerOf('db-replica-3'))
  const watcher = startWatcher(lab, [])
  t.teardown(() => watcher.stop())
  await watcher.next('watching')
  await docker('kill', containerOf('db-primary'))
  t.match(await watcher.next('failed-over'), { fenced: ['db-primary'], promoted: /^db-replica(-2)?$/ })
  await watcher.stop()
  t.match(await verb('setup'), { exit: 1, stderr: /FENCED: db-primary/ })
  t.match(await json(t, 'rejoin'), { standbys: { length: 3 }, level: 'on' })
  await untilHas('db-replica-3', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'ann')
  t.match(await json(t, 'status'), { healthy: true })
})

test('if the container of the primary was removed, nobody knows what is lost; setup makes it again with its votes', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.teardown(() => setUp('3'))
  await voteOn('db-primary', poll, 'ann')
  for (const node of ['db-replica', 'db-replica-2', 'db-replica-3'])
    t.equal((await verb('fault', ['isolate', node, 'db-primary'])).exit, 0)
  await voteOn('db-primary', poll, 'bob')
  await docker('rm', '-f', containerOf('db-primary'))
  const refused = await verb('failover')
  t.match(refused.stderr, /LOSS_UNKNOWN: .*the WAL of db-primary cannot be read.*\n.*setup\.ts.*failover\.ts --force/)
  t.match(await json(t, 'failover', '--force'), { fenced: [], lost: null })
  t.match(await verb('setup'), { exit: 1, stderr: /WOULD_SPLIT: db-primary/ })
  t.equal((await verb('fault', ['heal', 'isolate'])).exit, 0)
  t.match(await json(t, 'rejoin'), { standbys: [{ name: 'db-primary', divergedVotes: [{ user: 'bob' }] }, {}, {}] })
})

test('a watch goes on when the number changes meanwhile', async (t) => {
  t.teardown(() => setUp('3'))
  resetAfter(t)
  const watcher = startWatcher(lab, [])
  t.teardown(() => watcher.stop())
  await watcher.next('watching')
  t.equal(failureOf(await verb('setup', [], { LAB_STANDBYS: '1' })), 'it succeeds')
  await docker('kill', containerOf('db-primary'))
  t.match(await watcher.next('failed-over'), { fenced: ['db-primary'], promoted: 'db-replica' })
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
    stderr:
      /STANDBY_NEEDED: db-replica-3 cannot be removed: it is the primary\n.*switchover\.ts db-(primary|replica) makes/,
  })
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-replica-3'] })
  t.match(await verb('switchover', ['db-replica-3']), { exit: 1, stderr: /ALREADY_PRIMARY/ })
  t.match(await verb('switchover', ['loader']), { exit: 1, stderr: /NO_SUCH_DATABASE: loader/ })
  t.equal(await docker('inspect', '-f', '{{.State.Status}}', containerOf('db-replica-2')), 'running')
})

test('a standby that takes writes beside the primary is not removed: rejoin keeps its votes first', async (t) => {
  t.teardown(() => setUp('3'))
  resetAfter(t)
  const poll = await pollOnBoth()
  await untilHas('db-replica-3', `select count(*) from poll where id = '${poll}'`, '1')
  await sql('db-replica-3', 'select pg_promote()')
  await voteOn('db-replica-3', poll, 'bob')
  await voteOn('db-primary', poll, 'ann')
  const refused = await verb('setup', [], { LAB_STANDBYS: '2' })
  t.match(refused, {
    exit: 1,
    stderr: /STANDBY_NEEDED: db-replica-3 .*takes writes, as another database does\n.*scripts\/rejoin\.ts/,
  })
  t.equal(await docker('inspect', '-f', '{{.State.Status}}', containerOf('db-replica-3')), 'running')
  // What it advises, until nothing is in the way.
  t.match(await json(t, 'rejoin'), {
    primary: 'db-replica-3',
    standbys: [{ divergedVotes: [{ user: 'ann' }] }, {}, {}],
  })
  const primary = await verb('setup', [], { LAB_STANDBYS: '2' })
  const next = /it is the primary\n.*zx scripts\/switchover\.ts (\S+) makes/.exec(primary.stderr)?.[1]
  t.match(await json(t, 'switchover', next ?? ''), { standby: 'db-replica-3' })
  t.equal(failureOf(await verb('setup', [], { LAB_STANDBYS: '2' })), 'it succeeds')
  t.match(await json(t, 'status'), { healthy: true, nodes: { length: 6 } })
})

test('a standby is not removed while it is the only one that commits can wait for', async (t) => {
  resetAfter(t)
  t.equal((await verb('replication', ['on'])).exit, 0)
  await docker('stop', containerOf('db-replica'))
  t.match(await verb('setup', [], { LAB_STANDBYS: '1' }), {
    exit: 1,
    stderr: /STANDBY_NEEDED: db-replica-2 .*only standby.*on.*\n.*replication\.ts async/,
  })
  t.equal(await docker('inspect', '-f', '{{.State.Status}}', containerOf('db-replica-2')), 'running')
})
