import { test } from 'tap'
import { wentTooFar } from '../backups/too-far.ts'
import { ok } from '../grpc.ts'
import { json, pollOnBoth, votersOn } from '../recovery/scene.ts'
import { docker, lab, resetAfter, verb } from '../the-lab.ts'

test('if no primary answers, nothing can be compared: the lab goes back only by force', async (t) => {
  resetAfter(t)
  await pollOnBoth()
  await json(t, 'backup')
  t.equal((await verb('fault', ['crash', 'db-primary'])).exit, 0)
  t.match(await verb('restore', ['--end', '--replace']), { exit: 1, stderr: /NO_PRIMARY: .*db-primary/ })
  const { nodes } = JSON.parse((await verb('status', ['--json'])).stdout)
  t.match(nodes.slice(0, 2), [{ state: 'exited' }, { state: 'running' }])
  t.match((await verb('restore', ['list'])).stdout, /nothing is restored/)
  t.match(await json(t, 'restore', '--end', '--replace', '--force'), { primary: 'db-primary' })
  t.match(await json(t, 'status'), { healthy: true })
})

test('if all databases are lost, a restore makes the lab whole again, and it takes votes', async (t) => {
  resetAfter(t)
  const { polling, uuid, vote } = await wentTooFar()
  t.teardown(polling.close)
  // The timeline of the backups is higher than that of the new, empty data; the next one is not.
  t.equal((await verb('failover')).exit, 0)
  t.equal((await verb('rejoin')).exit, 0)
  await json(t, 'backup')
  for (const node of lab.databases) {
    await docker('rm', '-f', node.container)
    await docker('volume', 'rm', String(node.volume))
  }
  t.equal((await verb('setup')).exit, 0)
  t.match(await verb('backup', ['check']), { exit: 1, stderr: /OTHER_BACKUPS/ })
  t.match(await json(t, 'restore', '--end', '--replace', '--force'), { lost: [], primary: 'db-primary' })
  t.match(await json(t, 'status'), { healthy: true, takesVotes: true })
  t.equal(await votersOn('db-primary', uuid), 'late')
  t.match(await ok(vote('again')), { status: 'Vote Successfully!' })
})
