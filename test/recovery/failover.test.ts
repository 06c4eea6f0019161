import { test } from 'tap'
import { check, checkAgain } from '../../scripts/lab/managers/scripted/check.ts'
import { fence } from '../../scripts/lab/managers/scripted/fencing.ts'
import { wayOver } from '../../scripts/lab/managers/scripted/replay.ts'
import { openObserver } from '../../scripts/lab/postgres/observer.ts'
import { until } from '../../scripts/lab/wait.ts'
import { containerOf, docker, failureOf, lab, patience, resetAfter, sql, startVerb, verb } from '../the-lab.ts'
import { cutOff, json, pollOnBoth, untilHas, voteGetsThrough, voteOn, votersOn } from './scene.ts'

const stateOf = (name: 'db-primary' | 'db-replica') =>
  docker('inspect', '-f', '{{.State.Status}} {{.State.Restarting}}', containerOf(name))

test('after a crash: the standby serves, the old primary stays fenced, a second run finds it done, rejoin ends it', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.equal((await verb('replication', ['on'])).exit, 0)
  await voteGetsThrough(t, poll, 'ann')
  await docker('kill', containerOf('db-primary'))
  const done = await json(t, 'failover')
  t.match(done, {
    promoted: 'db-replica',
    fenced: ['db-primary'],
    promotedNow: true,
    timeline: 2,
    lost: { bytes: Number },
    level: { chosen: 'on', now: 'async' },
  })
  t.comment(JSON.stringify(done))
  await voteGetsThrough(t, poll, 'bob')
  t.equal(await votersOn('db-replica', poll), 'ann bob', 'what was acknowledged at `on` is there')
  t.equal(
    await sql('db-replica', 'show synchronous_standby_names'),
    '',
    'and no commit waits for the node that is gone',
  )

  t.match((await verb('status')).stdout, /✗ db-primary: fenced: a failover left it behind/)
  t.match((await verb('setup')).stderr, /FENCED: db-primary is fenced.*\n.*rejoin\.ts/)
  await docker('kill', containerOf('db-replica'))
  t.match((await verb('rejoin')).stderr, /NO_PRIMARY: .*db-replica: its container is exited/)
  t.equal(await stateOf('db-primary'), 'exited false', 'the new primary being down does not bring back the old one')
  await docker('start', containerOf('db-replica'))
  await untilHas('db-replica', `select count(*) from vote where poll_id = '${poll}'`, '2')
  await docker('start', containerOf('db-primary'))
  await t.rejects(sql('db-primary', 'select 1'), 'started by hand, it refuses')
  t.match(await json(t, 'failover'), { promoted: 'db-replica', promotedNow: false, timeline: 2 })

  t.match(await json(t, 'rejoin'), {
    primary: 'db-replica',
    level: 'on',
    standbys: [{ name: 'db-primary', divergedVotes: [] }],
  })
  t.match(await json(t, 'replication'), { level: 'on', standbys: [{ name: 'db-primary', sync: 'sync' }] })
  const status = await json(t, 'status')
  t.match(status, { healthy: true, primaries: ['db-replica'] })
  t.match(status.nodes[0].database, { role: 'standby', timeline: 2, streaming: true })
  t.match(status.nodes[1].database, { role: 'primary', slots: [{ name: 'db_primary', active: true }] })
  t.match(await json(t, 'rejoin'), { standbys: [{ how: 'none' }] }, 'and once more changes nothing')
})

test('it refuses to lose more than allowed, by the word of a primary that lives or the disk of one that does not', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await cutOff()
  await voteOn('db-primary', poll, 'ann', 'bob')
  const refused = await verb('failover', ['--max-lag', '0'])
  t.match(
    refused.stderr,
    /LOSES_TOO_MUCH: db-replica lacks \d+ bytes of WAL that db-primary has, but at most 0 may be lost/,
  )
  t.equal(await stateOf('db-primary'), 'running false', 'nothing was fenced')
  await docker('kill', containerOf('db-primary'))
  t.match((await verb('failover', ['--max-lag', '0'])).stderr, /LOSES_TOO_MUCH/, 'a dead one says the same')
  await sql('db-replica', 'select pg_wal_replay_pause()')
  t.match((await verb('failover')).stderr, /REPLAY_PAUSED: replay is paused on db-replica/)
  t.equal(await sql('db-replica', 'select pg_is_in_recovery()'), 't')
  t.match(await json(t, 'failover', '--force'), { promoted: 'db-replica', promotedNow: true, lost: { bytes: Number } })
})

test('a primary that lives is off when the command ends, and what was known of its votes is listed', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await cutOff()
  await voteOn('db-primary', poll, 'ann', 'bob')
  const done = await json(t, 'failover', '--force')
  t.equal(await stateOf('db-primary'), 'exited false')
  t.strictSame(
    done.lostVotes.map(({ user, option }: { user: string; option: string }) => [user, option]),
    [
      ['ann', 'a'],
      ['bob', 'a'],
    ],
  )
  t.ok(done.lost.bytes > 0)
  await voteGetsThrough(t, poll, 'cyd')
  t.equal(await votersOn('db-replica', poll), 'cyd')
})

test('after a failover that ended at the fence, the next run finishes it; or rejoin undoes it if nothing was promoted', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  // What a failover leaves that ends between fencing and promoting.
  await docker('exec', containerOf('db-primary'), 'bash', '-c', 'echo fenced=yes >$PGDATA/../start-note')
  await docker('kill', containerOf('db-primary'))
  t.match(await json(t, 'rejoin'), { primary: 'db-primary', standbys: [{ name: 'db-replica', how: 'undone' }] })
  await voteGetsThrough(t, poll, 'ann')
  await untilHas('db-replica', `select count(*) from vote where poll_id = '${poll}'`, '1')

  const { child, ended } = startVerb('failover')
  child.stderr.on('data', (chunk) => {
    if (String(chunk).includes('✔ Fence')) child.kill('SIGKILL')
  })
  const cut = await ended
  t.not(cut.exit, 0, 'it was ended half-way')
  const again = await verb('failover')
  t.equal(again.exit, 0, failureOf(again))
  t.match((await verb('status')).stdout, /writes go to db-replica/)
  await voteGetsThrough(t, poll, 'bob')
  t.equal(await votersOn('db-replica', poll), 'ann bob')
})

test('started by hand it goes on being fenced: heal says so, and rejoin brings it back all the same', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await docker('exec', containerOf('db-primary'), 'bash', '-c', 'echo fenced=yes >$PGDATA/../start-note')
  await docker('kill', containerOf('db-primary'))
  t.match(await verb('fault', ['heal']), { exit: 1, stderr: /FENCED: db-primary .*\n.*rejoin/ })
  await docker('start', containerOf('db-primary'))
  await until('the engine to have tried again', { seconds: 20, patience }, async () => {
    const restarts = await docker('inspect', '-f', '{{.RestartCount}}', containerOf('db-primary'))
    return Number(restarts) > 2 ? { done: undefined } : { seen: `${restarts} times` }
  })
  t.match(await json(t, 'rejoin'), { primary: 'db-primary', standbys: [{ name: 'db-replica', how: 'undone' }] })
  await voteGetsThrough(t, poll, 'ann')
})

test('what the standby lacks is known also of a timeline that it has made no checkpoint on', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.match(await json(t, 'switchover'), { primary: 'db-replica' })
  await voteOn('db-replica', poll, 'ann')
  await untilHas('db-primary', `select count(*) from vote where poll_id = '${poll}'`, '1')
  await cutOff('db-primary')
  const { nodes } = JSON.parse((await verb('status', ['--json'])).stdout)
  t.match(nodes[0], { name: 'db-primary', database: { role: 'standby', timeline: 2 } })
  await sql('db-replica', `select pg_logical_emit_message(false, 'test', repeat('x', ${2 * 2 ** 20}))`)
  await voteOn('db-replica', poll, 'bob')
  await docker('kill', containerOf('db-replica'))
  t.match(await verb('failover'), { exit: 1, stderr: /LOSES_TOO_MUCH: db-primary lacks 2\d{6} bytes/ })
  const done = await json(t, 'failover', '--force')
  t.match(done, { promoted: 'db-primary', timeline: 3 })
  t.ok(done.lost.bytes > 2 * 2 ** 20, `${done.lost.bytes} bytes lost`)
})

test('with no standby there is nothing to promote', async (t) => {
  resetAfter(t)
  await docker('stop', containerOf('db-replica'))
  t.match((await verb('failover')).stderr, /NOTHING_TO_PROMOTE: .*db-replica: its container is exited/)
  t.equal(await stateOf('db-primary'), 'running false')
})

test('what the old primary writes between check and fence is checked again: nobody is promoted, and rejoin undoes it', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await cutOff()
  const observer = openObserver(lab)
  t.teardown(observer.end)
  const means = { lab, observer, started: 0 }
  const options = { maxLag: 0, force: false, keepReports: false }
  const plan = await check(means, options)
  await voteOn('db-primary', poll, 'ann')
  const ignore = () => {}
  for (const { node } of plan.fence) await fence(ignore, lab, node)
  const standby = plan.kind === 'promote' ? plan.candidate.node : plan.primary.node
  const way = wayOver(ignore, ignore, observer.session(standby), lab, standby)
  await t.rejects(
    checkAgain(means, () => way, plan, options),
    {
      code: 'FENCED_NOT_PROMOTED',
      message: /db-primary is fenced, but no standby was promoted: db-replica lacks \d+ bytes/,
      fix: /rejoin.*--force/,
    },
  )
  await sql('db-replica', 'alter system reset primary_conninfo')
  await sql('db-replica', 'select pg_reload_conf()')
  t.match(await json(t, 'rejoin'), { primary: 'db-primary', standbys: [{ how: 'undone' }] })
  await untilHas('db-replica', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'ann')
})
