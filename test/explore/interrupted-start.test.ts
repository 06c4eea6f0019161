// A node that is killed while it does what its start note says: the next start ends right.
import { test } from 'tap'
import { fileOf, hasFile } from '../../scripts/lab/docker/volume.ts'
import { readStartNote } from '../../scripts/lab/postgres/start-note.ts'
import type { DatabaseNode } from '../../scripts/lab/topology/topology.ts'
import { until } from '../../scripts/lab/wait.ts'
import { fault } from '../faults.ts'
import { cutOff, json, pollOnBoth, untilHas, voteOn, votersOn } from '../recovery/scene.ts'
import { docker, failureOf, lab, patience, resetAfter, sql, startVerb, verb } from '../the-lab.ts'

const [first, second] = lab.databases as [DatabaseNode, DatabaseNode]

/** Brings db-primary back over a slow link, and kills it as soon as its data are seen to be incomplete. */
async function killedWhile(options: readonly string[], incomplete: () => Promise<boolean>) {
  const rejoin = startVerb('rejoin', options)
  await until('its data to be incomplete', { seconds: 60, patience }, async () => {
    const note = await readStartNote(first)
    return note.do === 'copy' && (await incomplete()) ? { done: undefined } : { seen: JSON.stringify(note) }
  })
  await docker('kill', first.container)
  return rejoin.ended
}

test('killed while it rewinds, it copies at its next start; killed while it copies, it copies again', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await cutOff()
  await voteOn('db-primary', poll, 'ann')
  await docker('kill', first.container)
  t.match(await json(t, 'failover', '--force'), { promoted: 'db-replica' })
  await sql('db-replica', 'alter system reset primary_conninfo')
  await voteOn('db-replica', poll, 'bob')
  const slow = await fault('slow', 'db-replica', 'db-primary', '--rate', '2000')
  t.equal(slow.exit, 0, failureOf(slow))

  // The control file is the last that a copy brings.
  const rewinding = await killedWhile([], () => hasFile(first, 'data/global/pg_control'))
  t.match(rewinding, { exit: 1, stderr: /NODE_DOWN: this waits for db-primary/ })
  t.strictSame(await readStartNote(first), { do: 'copy', from: 'db-replica' })
  t.match(rewinding.stderr + rewinding.stdout, /Votes that only db-primary has: 1/)

  const copying = await killedWhile([], async () => !(await hasFile(first, 'data/global/pg_control')))
  t.match(copying, { exit: 1, stderr: /NODE_DOWN: this waits for db-primary/ })
  t.equal((await fault('heal', 'slow')).exit, 0)
  await docker('start', first.container)
  await untilHas('db-primary', 'select pg_is_in_recovery()', 't')
  await untilHas('db-replica', 'select state from pg_stat_replication', 'streaming')
  t.equal(await votersOn('db-primary', poll), 'bob')
  t.strictSame(await readStartNote(first), { do: 'keep' })
  t.match(await json(t, 'rejoin'), { standbys: [{ name: 'db-primary', how: 'none' }] })

  // Whom it follows outlasts its container, and a time as the primary.
  t.match(await json(t, 'switchover'), { primary: 'db-primary' })
  t.match(await json(t, 'switchover'), { primary: 'db-replica' })
  await docker('rm', '-f', first.container)
  t.match(await json(t, 'setup'), { status: { healthy: true, primaries: ['db-replica'] } })
})

test('killed while reset replaces their data, both start as in a new lab', async (t) => {
  resetAfter(t)
  await pollOnBoth()
  let interrupted = false
  for (let attempt = 1; attempt <= 10 && !interrupted; attempt++) {
    const reset = startVerb('reset')
    await until('both to replace their data', { seconds: 30, patience }, async () => {
      const notes = await Promise.all(lab.databases.map(readStartNote))
      const states = await Promise.all(lab.databases.map(({ container }) => stateOf(container)))
      const begun = notes.some((note) => note.do === 'fresh') && states.every((state) => state === 'running')
      return begun || reset.child.exitCode !== null
        ? { done: undefined }
        : { seen: `${JSON.stringify(notes)} ${states}` }
    })
    await Promise.all(lab.databases.map(({ container }) => docker('kill', container).catch(() => undefined)))
    await reset.ended
    const notes = await Promise.all(lab.databases.map(readStartNote))
    interrupted = notes.some((note) => note.do === 'fresh')
    t.comment(`attempt ${attempt}: ${JSON.stringify(notes)}`)
    const ran = await verb('setup')
    t.equal(ran.exit, 0, failureOf(ran))
  }
  t.ok(interrupted, 'one was killed before it was done')
  for (const name of ['db-primary', 'db-replica'] as const) t.equal(await sql(name, 'select count(*) from poll'), '0')
  t.equal(await sql('db-replica', 'select pg_is_in_recovery()'), 't')
  const upstream = await fileOf(second, 'upstream')
  t.equal('bytes' in upstream && upstream.bytes.toString(), 'db-primary\n')
  t.notOk(await hasFile(first, 'upstream'))
})

const stateOf = (container: string) => docker('inspect', '-f', '{{.State.Status}}', container)
