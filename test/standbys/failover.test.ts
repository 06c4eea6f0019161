import { test } from 'tap'
import type { DatabaseName } from '../../scripts/lab/topology/topology.ts'
import { startWatcher } from '../../scripts/lab/verbs/watcher.ts'
import {
  containerOf,
  docker,
  json,
  lab,
  pollOnBoth,
  resetAfter,
  sql,
  untilVoters,
  verb,
  voteGetsThrough,
  voteOn,
  votersOn,
} from './three.ts'

const ALL: readonly DatabaseName[] = ['db-primary', 'db-replica', 'db-replica-2', 'db-replica-3']

/** The database that a standby streams from. */
const upstreamOf = (node: DatabaseName) =>
  sql(node, "select substring(current_setting('primary_conninfo') from 'host=([^ ]+)')")

test('the standby that has most is promoted, whatever its place, and the others follow it; rejoin brings all back', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.equal((await verb('fault', ['isolate', 'db-replica', 'db-primary'])).exit, 0)
  t.equal((await verb('fault', ['isolate', 'db-replica-2', 'db-primary'])).exit, 0)
  await voteOn('db-primary', poll, 'ann')
  await untilVoters('db-replica-3', poll, 'ann')
  await docker('kill', containerOf('db-primary'))
  const ran = await verb('failover', ['--json'])
  t.match(
    ran.stderr,
    // The other two may have got something more than each other: they were cut off one after the other.
    /Check: db-replica-3 has most: up to 0\/\w+.*; db-replica(?:-2)? 0\/\w+, db-replica(?:-2)? 0\/\w+; db-primary: its/,
  )
  t.match(JSON.parse(ran.stdout), { promoted: 'db-replica-3', fenced: ['db-primary'], lost: { bytes: Number } })
  await voteGetsThrough(t, poll, 'bob')
  for (const node of ['db-replica', 'db-replica-2'] as const) {
    t.equal(await upstreamOf(node), 'db-replica-3', `${node} streams from the new primary without a restart`)
    await untilVoters(node, poll, 'ann bob')
  }
  t.match(await json(t, 'rejoin'), {
    primary: 'db-replica-3',
    standbys: [
      { name: 'db-primary', how: 'rewound' },
      { name: 'db-replica', how: 'none' },
      { name: 'db-replica-2', how: 'none' },
    ],
  })
  await untilVoters('db-primary', poll, 'ann bob')
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-replica-3'] })
})

test('a standby that is down is not fenced: when it starts, it follows the new primary', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await docker('stop', containerOf('db-replica-2'))
  await docker('pause', containerOf('db-primary'))
  t.match(await json(t, 'failover'), { fenced: ['db-primary'], promoted: /^db-replica/ })
  await voteGetsThrough(t, poll, 'ann')
  await docker('start', containerOf('db-replica-2'))
  await untilVoters('db-replica-2', poll, 'ann')
  t.match(await json(t, 'rejoin'), { standbys: [{ name: 'db-primary' }, { how: 'none' }, { how: 'none' }] })
})

test('a standby that lacks votes is promoted only with --force, which lists them; rejoin then rewinds those that have more', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.equal((await verb('fault', ['isolate', 'db-replica', 'db-primary'])).exit, 0)
  await voteOn('db-primary', poll, 'ann')
  await untilVoters('db-replica-2', poll, 'ann')
  await docker('kill', containerOf('db-primary'))
  t.match(await verb('failover', ['--to', 'db-replica']), {
    exit: 1,
    stderr: /ANOTHER_HAS_MORE: db-replica lacks \d+ bytes of WAL that db-replica-[23] has/,
  })
  t.equal(await sql('db-replica', 'select pg_is_in_recovery()'), 't', 'nothing was changed')
  t.match(await verb('failover', ['--to', 'db-primary']), { exit: 1, stderr: /NOT_A_STANDBY/ })
  const done = await json(t, 'failover', '--to', 'db-replica', '--force')
  t.match(done, { promoted: 'db-replica', lostVotes: [{ user: 'ann' }] })
  await voteGetsThrough(t, poll, 'bob')
  t.equal((await verb('fault', ['heal', 'isolate'])).exit, 0)
  const back = await json(t, 'rejoin')
  t.match(back, {
    standbys: [
      { name: 'db-primary', how: 'rewound', divergedVotes: [{ user: 'ann' }] },
      { name: 'db-replica-2', how: 'rewound', divergedVotes: [{ user: 'ann' }] },
      { name: 'db-replica-3', how: 'rewound', divergedVotes: [{ user: 'ann' }] },
    ],
  })
  for (const node of ['db-primary', 'db-replica-2', 'db-replica-3'] as const) await untilVoters(node, poll, 'bob')
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-replica'] })
})

test('a watch promotes the standby that is named, if no other has more; once that is the primary, the one that has most', async (t) => {
  resetAfter(t)
  await pollOnBoth()
  t.match(await verb('failover', ['--watch', '--to', 'db-nope']), { exit: 1, stderr: /NO_SUCH_DATABASE: db-nope/ })
  const watcher = startWatcher(lab, ['--to', 'db-replica-2'])
  t.teardown(() => watcher.stop())
  await watcher.next('watching')
  await docker('kill', containerOf('db-primary'))
  t.match(await watcher.next('failed-over'), { promoted: 'db-replica-2' })
  t.equal((await verb('rejoin')).exit, 0)
  await watcher.next('watching', ({ standby }) => standby !== null)
  await docker('kill', containerOf('db-replica-2'))
  t.match(await watcher.next('failed-over'), { promoted: /^db-(primary|replica|replica-3)$/, fenced: ['db-replica-2'] })
})

test('a watch whose standby lacks votes that another has refuses, and shows its check once', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.equal((await verb('fault', ['isolate', 'db-replica', 'db-primary'])).exit, 0)
  await voteOn('db-primary', poll, 'ann')
  await untilVoters('db-replica-2', poll, 'ann')
  let steps = ''
  const watcher = startWatcher(lab, ['--to', 'db-replica'], (text) => {
    steps += text
  })
  t.teardown(() => watcher.stop())
  await watcher.next('watching')
  await docker('kill', containerOf('db-primary'))
  t.match(await watcher.next('refused'), { code: 'ANOTHER_HAS_MORE', why: /db-replica lacks/ })
  // The next attempt has another reason.
  await docker('pause', containerOf('db-replica'))
  t.match(await watcher.next('refused'), { code: 'NOT_A_STANDBY' })
  t.equal(await sql('db-replica-2', 'select pg_is_in_recovery()'), 't')
  t.equal(steps.match(/Check/g)?.length, 2, `begun and failed: ${steps}`)
  await docker('unpause', containerOf('db-replica'))
})

test('a watch with three standbys replaces a primary that dies, and nothing that was acknowledged at `on` is lost', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.equal((await verb('replication', ['on'])).exit, 0)
  await voteGetsThrough(t, poll, 'ann')
  const watcher = startWatcher(lab, [])
  t.teardown(() => watcher.stop())
  t.match(await watcher.next('watching'), { primary: 'db-primary' })
  await docker('kill', containerOf('db-primary'))
  const done = await watcher.next('failed-over')
  t.match(done, { fenced: ['db-primary'], lost: { bytes: Number } })
  t.match(await votersOn(done.promoted, poll), 'ann')
  for (const node of ALL)
    if (node !== done.promoted && node !== 'db-primary') t.equal(await upstreamOf(node), done.promoted)
  await voteGetsThrough(t, poll, 'bob')
})
