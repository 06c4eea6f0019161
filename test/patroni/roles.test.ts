import { test } from 'tap'
import {
  containerOf,
  docker,
  json,
  pollOnBoth,
  resetAfter,
  sql,
  untilHas,
  verb,
  voteGetsThrough,
  voteOn,
  votersOn,
} from './patroni.ts'

test('setup brings up three stores and databases of which one has the lease; setup again changes nothing', async (t) => {
  const status = await json(t, 'status')
  t.match(status, { healthy: true, primaries: ['db-primary'] })
  t.match(status.manager, { name: 'patroni', view: { leader: 'db-primary', paused: false, ttl: 20 } })
  t.match(
    status.nodes.filter(({ kind }: { kind: string }) => kind === 'store'),
    [{ healthy: true }, { healthy: true }, { healthy: true }],
  )
  const { changes } = await json(t, 'setup')
  t.strictSame([...new Set(Object.values(changes))], ['unchanged'])
  t.match(await docker('exec', containerOf('db-replica'), 'patronictl', 'list'), /db-primary .*Leader/)
})

test('the stores and Patroni let nobody in without a password who could change something', async (t) => {
  const asks = (node: 'etcd-1' | 'db-replica', command: string) =>
    docker('exec', containerOf(node), 'bash', '-c', `${command} 2>&1; :`)
  t.match(await asks('etcd-1', 'etcdctl get /service/ --prefix'), /user name is empty/)
  t.match(
    await asks('etcd-1', 'etcdctl --user "patroni:$(</run/secrets/patroni)" put /other 1'),
    /permission denied/,
    'Patroni may change only its own keys',
  )
  const restart =
    "exec 3<>/dev/tcp/db-primary/8008; printf 'POST /restart HTTP/1.0\\r\\nContent-Length: 2\\r\\n\\r\\n{}' >&3; head -n 1 <&3"
  t.match(await asks('db-replica', restart), / 401 /)
  for (const node of ['etcd-1', 'db-primary'] as const)
    t.not(await docker('exec', containerOf(node), 'id', '-u'), '0', `${node} does not run as root`)
})

test('a switchover to a chosen standby goes through Patroni, and loses nothing', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await voteOn('db-primary', poll, 'ann')
  const done = await json(t, 'switchover', '--to', 'db-replica-2')
  t.match(done, { primary: 'db-replica-2', standby: 'db-primary' })
  t.match((await json(t, 'status')).manager.view, { leader: 'db-replica-2' })
  t.equal(await votersOn('db-replica-2', poll), 'ann')
  await voteGetsThrough(t, poll, 'bob')
  t.match(await verb('switchover', ['--to', 'db-replica-2']), { exit: 1, stderr: /ALREADY_PRIMARY/ })
  t.match(await verb('failover', ['--salvage']), { exit: 1, stderr: /NOT_WITH_PATRONI: --salvage/ })
  t.match(await verb('failover', ['--watch']), { exit: 1, stderr: /PATRONI_DOES_IT/ })
})

test('when the primary dies Patroni promotes a standby after the lease; rejoin lists what only the old one has', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  // A vote that no standby receives.
  const standbys = ['db-replica', 'db-replica-2'] as const
  for (const standby of standbys) await docker('kill', containerOf(standby))
  await voteOn('db-primary', poll, 'late')
  await docker('kill', containerOf('db-primary'))
  for (const standby of standbys) await docker('start', containerOf(standby))
  const failover = await json(t, 'failover')
  t.match(failover, { promotedNow: true, fenced: [], promoted: /db-replica/ })
  t.ok(failover.lost.bytes > 0, `${failover.lost.bytes} bytes are lost`)
  await voteGetsThrough(t, poll, 'bob')
  const rejoined = await json(t, 'rejoin')
  t.match(
    rejoined.standbys.find(({ name }: { name: string }) => name === 'db-primary'),
    { how: 'rewound', divergedVotes: [{ user: 'late' }], keptIn: /diverged-votes/ },
  )
  t.match(await json(t, 'status'), { healthy: true })
  await untilHas('db-primary', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'bob')
})

test('a durability level is Patroni’s own setting, and goes on after a switchover', async (t) => {
  resetAfter(t)
  t.match(await json(t, 'replication', 'on'), { level: 'on', rule: { kind: 'first' } })
  const { standbys } = await json(t, 'replication')
  const other = standbys.find(({ sync }: { sync: string }) => sync === 'async')?.name
  t.match(await verb('switchover', ['--to', other]), {
    exit: 1,
    stderr: new RegExp(`NOT_SYNCHRONOUS: .*${other} is none.*\n.*replication.ts on --quorum 1`),
  })
  t.match(await json(t, 'replication', 'on', '--quorum', '1'), { level: 'on', rule: { kind: 'any', count: 1 } })
  t.match((await json(t, 'manager', 'show')).settings, { synchronous_mode: 'quorum', synchronous_mode_strict: true })
  t.equal((await verb('switchover', ['--to', 'db-replica'])).exit, 0)
  t.match(await json(t, 'replication'), { primary: 'db-replica', level: 'on', hangs: false })
  t.match(await sql('db-replica', 'show synchronous_standby_names'), /^ANY 1 /)
  t.match(await verb('replication', ['on', '--first', 'db-replica-2']), { exit: 1, stderr: /NOT_WITH_PATRONI_FIRST/ })
})

test('only setup changes the manager, and only with a PostgreSQL that it runs with', async (t) => {
  t.match(await verb('reset', [], { LAB_MANAGER: 'scripted' }), {
    exit: 1,
    stderr:
      /RUNS_WITH: .*LAB_MANAGER=patroni[\s\S]*leave LAB_MANAGER out.*LAB_MANAGER=scripted zx scripts\/setup.ts changes the lab/,
  })
  t.match(await verb('status', [], { LAB_POSTGRES: '13' }), { exit: 0 })
  t.match(await verb('setup', [], { LAB_MANAGER: 'patroni', LAB_POSTGRES: '13' }), {
    exit: 1,
    stderr: /SETTING: LAB_POSTGRES is "13"\n.*set it to 17: with LAB_MANAGER=patroni/,
  })
})
