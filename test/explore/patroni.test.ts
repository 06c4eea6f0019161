// What of Patroni takes longest.
import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import {
  containerOf,
  docker,
  json,
  patience,
  pollOnBoth,
  resetAfter,
  setUp,
  sql,
  untilHas,
  verb,
  voteGetsThrough,
  voteOn,
} from '../patroni/patroni.ts'

test('settings are changed within what is safe, and a reset brings them back', async (t) => {
  resetAfter(t)
  t.match(await json(t, 'manager', 'set', 'ttl=30', 'failsafe_mode=true'), { ttl: 30, failsafe: true })
  const refused = [
    ['ttl=10', /PATRONI_SETTING: ttl=10 .*\n.*ttl= and a whole number from 20 on/],
    ['retry_timeout=15', /PATRONI_TIMING: loop_wait 1 \+ 2 × retry_timeout 15 is more than ttl 30/],
    ['failsafe_mode=maybe', /failsafe_mode=true or failsafe_mode=false/],
    ['wal_level=logical', /one of ttl, loop_wait/],
  ] as const
  for (const [setting, stderr] of refused)
    t.match(await verb('manager', ['set', setting]), { exit: 1, stderr }, setting)
  t.match((await json(t, 'manager', 'show')).settings, { ttl: 30 })
  t.equal((await verb('reset')).exit, 0)
  t.match(await json(t, 'manager', 'show'), { ttl: 20, failsafe: false, leader: 'db-primary' })
})

test('in a pause nobody is promoted by itself, status says so, and failover promotes by order', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.match(await json(t, 'manager', 'pause'), { paused: true })
  t.match((await verb('status')).stdout, /Patroni is paused.*manager\.ts resume/)
  await docker('kill', containerOf('db-primary'))
  t.match(await json(t, 'failover'), { promoted: /db-replica/ })
  await voteGetsThrough(t, poll, 'ann')
  t.match(await verb('rejoin'), { exit: 1, stderr: /PATRONI_PAUSED: .*db-primary.*\n.*manager.ts resume/ })
  t.match(await json(t, 'manager', 'resume'), { paused: false })
})

test('if Patroni is frozen its database goes on beside a new primary; heal refuses, and rejoin keeps the votes of both', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.equal((await verb('fault', ['patroni', 'db-primary'])).exit, 0)
  t.match(JSON.parse((await verb('status', ['--json'])).stdout).faults, [{ kind: 'patroni', node: 'db-primary' }])
  await until('a second primary', { seconds: 60, patience }, async () => {
    const { primaries } = JSON.parse((await verb('status', ['--json'])).stdout)
    return primaries.length === 2 ? { done: undefined } : { seen: primaries.join(' ') }
  })
  await voteOn('db-primary', poll, 'late')
  await voteGetsThrough(t, poll, 'bob')
  t.match(await verb('fault', ['heal']), { exit: 1, stderr: /WOULD_FORGET: db-primary still takes writes/ })
  const { standbys } = await json(t, 'rejoin')
  t.match(
    standbys.find(({ name }: { name: string }) => name === 'db-primary'),
    { how: 'rewound', divergedVotes: [{ user: 'late' }] },
  )
  t.match(await json(t, 'status'), { healthy: true, faults: { length: 0 } })
  await untilHas('db-primary', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'bob')
})

test('PostgreSQL outlives a Patroni that is killed, and heal starts Patroni again', async (t) => {
  resetAfter(t)
  const started = await sql('db-replica', 'select pg_postmaster_start_time()')
  t.equal((await verb('fault', ['patroni', 'db-replica', '--how', 'kill'])).exit, 0)
  const [fault] = (await json(t, 'fault', 'list')).faults
  t.match(fault, { kind: 'patroni', node: 'db-replica', detail: 'its Patroni was killed' })
  t.match((await verb('fault', ['heal'])).stdout, /healed: patroni db-replica/)
  t.match(await docker('exec', containerOf('db-replica'), 'patronictl', 'list'), /db-replica .*streaming/)
  t.equal(await sql('db-replica', 'select pg_postmaster_start_time()'), started, 'it was not restarted')
  t.match(await json(t, 'status'), { healthy: true })
  t.match(await verb('fault', ['patroni', 'etcd-1']), { exit: 1, stderr: /FAULT_MISFIT/ })
})

test('Patroni lets a standby go that the lab no longer has: no slot keeps WAL for it', async (t) => {
  t.teardown(() => setUp({ LAB_STANDBYS: '2' }))
  await setUp({ LAB_STANDBYS: '1' })
  await setUp({ LAB_STANDBYS: '1' })
  for (const node of ['db-primary', 'db-replica'] as const)
    t.notMatch(await sql(node, 'select slot_name from pg_replication_slots'), 'db_replica_2', node)
  const { settings, members } = await json(t, 'manager', 'show')
  t.equal(settings.member_slots_ttl, undefined, 'and a standby that is only down keeps its slot as usual')
  t.equal(members.length, 2)
})
