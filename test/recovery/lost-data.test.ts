// A database whose volume is gone: it comes back as a standby with all data, or not at all.
import { type Test, test } from 'tap'
import type { DatabaseName } from '../../scripts/lab/topology/topology.ts'
import { containerOf, docker, failureOf, sql, startVerb, verb } from '../the-lab.ts'
import { json, pollOnBoth, untilHas, voteGetsThrough, voteOn, votersOn } from './scene.ts'

async function loseData(name: DatabaseName): Promise<void> {
  await docker('rm', '-f', containerOf(name))
  await docker('volume', 'rm', `${containerOf(name)}-data`)
}

/** Makes the lab as new, even if a reset is refused. */
const newAfter = (t: Test): void =>
  t.teardown(async () => {
    if ((await verb('reset')).exit === 0) return
    for (const name of ['teardown', 'setup']) {
      const ran = await verb(name)
      if (ran.exit !== 0) throw new Error(failureOf(ran))
    }
  })

/** Setup gives that database all data of the other, which stays the primary. */
async function copied(t: Test, name: DatabaseName, primary: DatabaseName, poll: string, voters: string) {
  const ran = await json(t, 'setup')
  t.match(ran, { status: { healthy: true, primaries: [primary] }, changes: { [name]: 'made' } })
  t.equal(await sql(name, 'select pg_is_in_recovery()'), 't')
  t.equal(await votersOn(name, poll), voters)
}

test('the volume of either database is removed, the other being the primary, running or down: setup copies it from there', async (t) => {
  newAfter(t)
  const poll = await pollOnBoth()
  await voteOn('db-primary', poll, 'ann')
  await loseData('db-replica')
  await docker('stop', containerOf('db-primary'))
  await copied(t, 'db-replica', 'db-primary', poll, 'ann')

  t.equal((await verb('replication', ['on'])).exit, 0)
  await docker('kill', containerOf('db-primary'))
  t.match(await json(t, 'failover'), { promoted: 'db-replica' })
  await voteOn('db-replica', poll, 'bob')
  await loseData('db-primary')
  await copied(t, 'db-primary', 'db-replica', poll, 'ann bob')
  t.match(await json(t, 'replication'), { level: 'on', standbys: [{ name: 'db-primary', sync: 'sync' }] })
})

test('the primary is lost, data and all: setup starts no empty one beside the standby, and failover, then setup, make it whole', async (t) => {
  newAfter(t)
  const poll = await pollOnBoth()
  await voteOn('db-primary', poll, 'ann')
  await untilHas('db-replica', `select count(*) from vote where poll_id = '${poll}'`, '1')
  await loseData('db-primary')
  await docker('stop', containerOf('db-replica'))
  const refused = await verb('setup')
  t.match(refused, { exit: 1, stderr: /NOTHING_TO_COPY: db-primary has no data .*\n.*failover\.ts --force/ })
  t.equal(await docker('inspect', '-f', '{{.State.Status}}', containerOf('db-primary')), 'created')
  t.match((await verb('failover')).stderr, /LOSS_UNKNOWN/)
  t.match(await json(t, 'failover', '--force'), { promoted: 'db-replica', lost: null })
  await voteGetsThrough(t, poll, 'bob')
  await copied(t, 'db-primary', 'db-replica', poll, 'ann bob')
})

test('all that is left is the fenced one: rejoin brings it back as the primary, and copies the other from it', async (t) => {
  newAfter(t)
  const poll = await pollOnBoth()
  await voteOn('db-primary', poll, 'ann')
  await untilHas('db-replica', `select count(*) from vote where poll_id = '${poll}'`, '1')
  await docker('kill', containerOf('db-primary'))
  t.match(await json(t, 'failover'), { promoted: 'db-replica' })
  await loseData('db-replica')
  t.match((await verb('setup')).stderr, /FENCED: db-primary .*\n.*rejoin\.ts/)
  t.match(await json(t, 'rejoin'), {
    primary: 'db-primary',
    standbys: [{ name: 'db-replica', how: 'copied', divergedVotes: [] }],
  })
  await voteGetsThrough(t, poll, 'bob')
  await untilHas('db-replica', `select string_agg(user_id, ' ' order by user_id) from vote`, 'ann bob')
})

test('a first setup that ended while the databases were being started is finished by the next', async (t) => {
  newAfter(t)
  for (const name of ['db-primary', 'db-replica'] as const) await loseData(name)
  const { child, ended } = startVerb('setup')
  child.stderr.on('data', (chunk) => {
    if (!child.killed && /docker start \S*db-/.test(String(chunk))) child.kill('SIGKILL')
  })
  t.not((await ended).exit, 0, 'it was ended half-way')
  t.match(await json(t, 'setup'), { status: { healthy: true, primaries: ['db-primary'] } })
})
