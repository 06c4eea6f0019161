import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import {
  containerOf,
  docker,
  json,
  patience,
  pollOnBoth,
  resetAfter,
  sql,
  untilHas,
  verb,
  voteGetsThrough,
  voteOn,
  votersOn,
} from './three.ts'

test('at `any 2` a commit goes on without the slowest standby, and hangs with only one', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  const set = await json(t, 'replication', 'on', '--quorum', '2')
  t.match(set, {
    level: 'on',
    rule: { kind: 'any', count: 2 },
    settings: { synchronous_standby_names: 'ANY 2 ("db-replica", "db-replica-2", "db-replica-3")' },
    hangs: false,
  })
  await docker('pause', containerOf('db-replica-3'))
  await voteGetsThrough(t, poll, 'ann')
  await docker('kill', containerOf('db-replica-2'))
  await until('commits to hang', { seconds: 20, patience }, async () => {
    const seen = await json(t, 'replication')
    return seen.hangs === true ? { done: undefined } : { seen: JSON.stringify(seen.standbys) }
  })
  const told = (await verb('replication')).stdout
  t.match(told, /a commit waits for any 2 of 3 standbys/, 'also while one of them is gone')
  t.match(told, /commits hang \(none waits yet\): they wait for 2 standbys, and only \d of them streams/)
  t.match(told, /scripts\/setup\.ts.*replication\.ts on --quorum 1; .*replication\.ts async/)
  const refused = await verb('replication', ['on', '--quorum', '3'])
  t.match(refused, { exit: 1, stderr: /NO_STANDBY: at level on any 3 every commit waits for 3 standbys, and only / })
  t.match(refused.stderr, /replication\.ts on --quorum [12].*replication\.ts on --quorum 3 --force/)
})

test('with too few standbys heard nobody is promoted; with one more, every acknowledged vote is there', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.match(await json(t, 'replication', 'on', '--quorum', '2'), { level: 'on' })
  t.equal((await verb('fault', ['isolate', 'db-replica', 'db-primary'])).exit, 0)
  await voteGetsThrough(t, poll, 'ann')
  await docker('kill', containerOf('db-primary'))
  await docker('pause', containerOf('db-replica'))
  await docker('pause', containerOf('db-replica-2'))
  const refused = await verb('failover')
  t.match(refused, {
    exit: 1,
    stderr: /QUORUM_UNKNOWN: at level on any 2, 2 of 3 standbys have to answer .*, and 1 answered/,
  })
  t.equal(await sql('db-replica-3', 'select pg_is_in_recovery()'), 't')
  t.notMatch((await verb('status')).stdout, /failover\.ts makes/, 'status advises nothing that would be refused')
  // The one that lacks the vote: the other one has it, so the two are enough.
  await docker('unpause', containerOf('db-replica'))
  const { stdout } = await verb('status')
  t.match(
    stdout,
    /db-primary: its container is exited; .*setup\.ts brings it up, or .*failover\.ts makes db-replica-3 the primary/,
  )
  t.match(
    stdout,
    /db-replica-2: its container is paused; .*setup\.ts brings it up\n/,
    'a frozen standby is not replaced',
  )
  const done = await json(t, 'failover')
  t.match(done, { promoted: 'db-replica-3', lost: { bytes: Number } })
  t.match((await verb('replication')).stdout, /on any 2 was chosen; rejoin restores it/)
  t.equal(await votersOn('db-replica-3', poll), 'ann')
  await docker('unpause', containerOf('db-replica-2'))
  const back = await json(t, 'rejoin')
  t.equal(back.standbys.length, 3)
  t.match(await json(t, 'replication'), { level: 'on', rule: { kind: 'any', count: 2 } }, 'rejoin restores the rule')
})

test('at `first` a vote may be on one standby only, too: while that one is silent, nobody is promoted', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.match(await json(t, 'replication', 'on', '--first', 'db-replica'), { level: 'on' })
  for (const node of ['db-replica-2', 'db-replica-3'])
    t.equal((await verb('fault', ['isolate', node, 'db-primary'])).exit, 0)
  await voteGetsThrough(t, poll, 'ann')
  await docker('pause', containerOf('db-replica'))
  const unknown = { exit: 1, stderr: /QUORUM_UNKNOWN: .* 3 of 3 standbys have to answer .*, and 2 answered/ }
  t.match(await verb('failover'), unknown, 'while the primary runs')
  await docker('kill', containerOf('db-primary'))
  t.match(await verb('failover'), unknown, 'when it is dead')
  await docker('unpause', containerOf('db-replica'))
  t.match(await json(t, 'failover'), { promoted: 'db-replica' })
  t.equal(await votersOn('db-replica', poll), 'ann')
})

test('a silent standby keeps nobody from being promoted who lacks nothing of what the old primary wrote', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.match(await json(t, 'replication', 'on', '--first', 'db-replica'), { level: 'on' })
  await voteGetsThrough(t, poll, 'ann')
  await docker('stop', containerOf('db-replica-3'))
  // A clean shutdown sends all WAL to those that are there.
  await docker('stop', containerOf('db-primary'))
  const { promoted } = await json(t, 'failover')
  t.equal(await votersOn(promoted, poll), 'ann')
})

test('rejoin brings all back before commits wait for any 2 of them', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.match(await json(t, 'replication', 'on', '--quorum', '2'), { level: 'on' })
  await docker('pause', containerOf('db-replica-2'))
  await docker('pause', containerOf('db-replica-3'))
  await docker('kill', containerOf('db-primary'))
  const forced = await verb('failover', ['--force'])
  t.match(forced, {
    exit: 0,
    stdout: /✓ db-replica is now the primary.* db-primary is fenced/,
    stderr: /any acknowledged vote that is only on db-primary, db-replica-2 and db-replica-3 may be lost/,
  })
  t.match(forced.stdout, /not heard {4}db-primary, db-replica-2 and db-replica-3: any acknowledged vote/)
  t.equal((await verb('fault', ['heal', 'freeze'])).exit, 0)
  t.match(await verb('rejoin'), { exit: 0, stdout: /durability {3}on any 2/ })
  t.match(await json(t, 'replication'), { level: 'on', rule: { kind: 'any', count: 2 }, hangs: false })
  await voteGetsThrough(t, poll, 'ann')
})

test('--force where a quorum was not heard lists the votes that the fenced primary has and the new one lacks', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.match(await json(t, 'replication', 'on', '--quorum', '1'), { level: 'on' })
  await voteOn('db-primary', poll, 'bob')
  await untilHas('db-replica', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'bob')
  t.equal((await verb('fault', ['isolate', 'db-replica', 'db-primary'])).exit, 0)
  await voteGetsThrough(t, poll, 'ann')
  await docker('pause', containerOf('db-replica-2'))
  await docker('pause', containerOf('db-replica-3'))
  await docker('kill', containerOf('db-primary'))
  const refused = await verb('failover')
  t.match(refused, {
    exit: 1,
    stderr:
      /QUORUM_UNKNOWN: .*3 of 3 standbys have to answer .*, and 1 answered.*db-replica-2: .*paused; db-replica-3: .*paused\n/,
  })
  t.match(refused.stderr, /bring a silent standby back \(zx scripts\/fault\.ts heal db-replica-2\)/)
  t.match(
    refused.stderr,
    /--force promotes db-replica, and any acknowledged vote that is only on db-primary, db-replica-2 and db-replica-3 may/,
  )
  const forced = await json(t, 'failover', '--force')
  t.match(forced, {
    promoted: 'db-replica',
    unheard: ['db-primary', 'db-replica-2', 'db-replica-3'],
    lostVotes: [{ user: 'ann' }],
  })
  t.equal((await verb('fault', ['heal', 'freeze', 'isolate'])).exit, 0)
  t.match(await json(t, 'rejoin'), { standbys: [{ name: 'db-primary', divergedVotes: [{ user: 'ann' }] }, {}, {}] })
})

test('`--first` chooses whom a commit waits for; without that standby it waits for the next one', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  const syncs = async () => (await json(t, 'replication')).standbys.filter((it: { sync: string }) => it.sync === 'sync')
  await json(t, 'replication', 'on', '--first', 'db-replica-2')
  t.match(await syncs(), [{ name: 'db-replica-2' }])
  await docker('kill', containerOf('db-replica-2'))
  await voteGetsThrough(t, poll, 'ann')
  t.match(await syncs(), [{ name: 'db-replica' }])
})

test('a rule that this lab cannot satisfy is refused, and the settings stay', async (t) => {
  const before = await sql('db-primary', 'show synchronous_standby_names')
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['on', '--quorum', '4'], 2, /number from 1 to 3/],
    [['on', '--quorum', 'x'], 2, /number from 1 to 3/],
    [['--quorum', '1'], 2, /need a level/],
    [['async', '--quorum', '1'], 2, /need a level/],
    [['on', '--quorum', '1', '--first', 'db-replica'], 2, /exclude each other/],
    [['on', '--first', 'db-nope'], 1, /NO_SUCH_DATABASE/],
    [['on', '--first', 'db-primary'], 1, /ALREADY_PRIMARY/],
  ]
  for (const [args, exit, stderr] of cases) t.match(await verb('replication', args), { exit, stderr }, args.join(' '))
  t.equal(await sql('db-primary', 'show synchronous_standby_names'), before)
})
