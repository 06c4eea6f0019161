// What a restore finds on the timelines that failovers left.
import { test } from 'tap'
import { remove, untilPossible, votersThere } from '../backups/restored.ts'
import { json, pollOnBoth, untilHas, voteOn } from '../recovery/scene.ts'
import { containerOf, docker, resetAfter, verb } from '../the-lab.ts'

test('what a failover threw away is on the old timeline only', async (t) => {
  resetAfter(t)
  t.teardown(remove)
  const poll = await pollOnBoth()
  const { ended } = await json(t, 'backup')
  await untilPossible(ended)
  t.equal((await verb('fault', ['isolate', 'db-replica', 'db-primary'])).exit, 0)
  await voteOn('db-primary', poll, 'ann')
  await docker('exec', containerOf('db-primary'), 'pgbackrest', '--stanza=lab', 'check')
  await json(t, 'failover', '--force')
  await verb('fault', ['heal', 'isolate'])
  await voteOn('db-replica', poll, 'bob')
  await json(t, 'rejoin')
  t.match(await json(t, 'restore', '--end'), { along: 2, timeline: 3, votes: 1 })
  t.equal(await votersThere(poll), 'bob')
  await remove()
  t.match(await json(t, 'restore', '--end', '--timeline', '1'), { along: 1, votes: 1, onlyThere: [{ user: 'ann' }] })
  t.equal(await votersThere(poll), 'ann')
})

test('an old timeline is replayed to its end, and without any database of the lab too', async (t) => {
  resetAfter(t)
  t.teardown(remove)
  const poll = await pollOnBoth()
  await json(t, 'backup')
  await voteOn('db-primary', poll, 'ann')
  await untilHas('db-replica', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'ann')
  // The segment with this vote is not full: the new primary archives what it has of it.
  await json(t, 'failover')
  await voteOn('db-replica', poll, 'bob')
  t.match(await json(t, 'restore', '--end', '--timeline', '1'), { along: 1, votes: 1, lacks: [{ user: 'bob' }] })
  t.equal(await votersThere(poll), 'ann')
  await remove()
  t.equal((await verb('fault', ['crash', 'db-replica'])).exit, 0)
  t.match(await json(t, 'backup', 'list'), { primary: null, backups: { length: 1 } })
  t.match(await json(t, 'restore', '--end', '--timeline', '1'), { primary: null, votes: 1 })
  t.match((await verb('status')).stdout, /beside the lab: db-restored, running/)
})

test('a backup that was made after a failover can be restored, also if archiving began only then', async (t) => {
  resetAfter(t)
  t.teardown(remove)
  const poll = await pollOnBoth()
  await json(t, 'failover')
  await json(t, 'rejoin')
  t.match(await json(t, 'backup'), { timeline: 2 })
  await voteOn('db-replica', poll, 'ann')
  t.match(await json(t, 'restore', '--end'), { along: 2, timeline: 3, votes: 1, lacks: { length: 0 } })
  t.equal(await votersThere(poll), 'ann')
  await remove()
  // The same for an archive that was thrown away on that timeline.
  t.equal((await verb('backup', ['off', '--discard'])).exit, 0)
  await json(t, 'backup')
  t.match(await json(t, 'restore', '--end'), { along: 2, votes: 1 })
})
