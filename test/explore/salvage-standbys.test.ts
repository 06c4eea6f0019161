// Salvage with several standbys.
import { test } from 'tap'
import {
  containerOf,
  docker,
  json,
  pollOnBoth,
  resetAfter,
  verb,
  voteGetsThrough,
  votersOn,
} from '../standbys/three.ts'

for (const time of ['first', 'second', 'third'])
  test(`a standby gets what it lacks while it runs, and that one is promoted: no vote is lost, the ${time} time`, async (t) => {
    resetAfter(t)
    const poll = await pollOnBoth()
    await json(t, 'replication', 'on', '--first', 'db-replica')
    // Only the one that commits wait for has the vote.
    for (const standby of ['db-replica-2', 'db-replica-3'])
      t.equal((await verb('fault', ['reject', standby, 'db-primary'])).exit, 0)
    await voteGetsThrough(t, poll, 'ann')
    for (const node of ['db-replica', 'db-primary']) t.equal((await verb('fault', ['crash', node])).exit, 0)
    const { promoted, lost, salvaged } = await json(t, 'failover', '--salvage')
    t.match(salvaged, [{ from: 'db-primary', unread: null }])
    t.match(lost, { bytes: 0 })
    t.equal(await votersOn(promoted, poll), 'ann')
    for (const standby of ['db-replica-2', 'db-replica-3'] as const)
      t.notMatch(await docker('logs', containerOf(standby)), /PANIC|Permission denied/, standby)
    // It says that the old primary needs rejoin.
    await verb('fault', ['heal'])
    await json(t, 'rejoin')
  })
