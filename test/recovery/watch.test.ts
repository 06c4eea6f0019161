import { type Test, test } from 'tap'
import { directVotes } from '../../scripts/lab/postgres/direct-votes.ts'
import { startWatcher, type Watcher } from '../../scripts/lab/verbs/watcher.ts'
import { until } from '../../scripts/lab/wait.ts'
import { fault } from '../faults.ts'
import { client } from '../grpc.ts'
import { addressOf, containerOf, docker, failureOf, lab, logsOf, patience, resetAfter, sql } from '../the-lab.ts'
import { cutOff, json, pollOnBoth, untilHas, voteGetsThrough, voteOn, votersOn } from './scene.ts'

const stateOf = (name: 'db-primary' | 'db-replica') => docker('inspect', '-f', '{{.State.Status}}', containerOf(name))

/** A poll on both databases, and a watch that has seen them; it is ended with the test, in order, and the lab reset. */
async function watched(t: Test, ...options: readonly string[]): Promise<{ poll: string; watcher: Watcher }> {
  resetAfter(t)
  const poll = await pollOnBoth()
  const watcher = startWatcher(lab, options)
  t.teardown(async () => {
    const exit = await watcher.stop()
    if (exit !== 0) throw new Error(`the watch ended with ${exit}`)
  })
  t.match(await watcher.next('watching'), { primary: 'db-primary', standby: 'db-replica' })
  return { poll, watcher }
}

/** A vote through each server is acknowledged. */
async function bothServe(t: Test, poll: string, user: string): Promise<void> {
  for (const name of ['primary', 'backup'] as const) {
    const it = client(addressOf(name))
    t.teardown(it.close)
    await until(`a vote by ${name}`, { seconds: 10, patience }, async () => {
      const answer = await it.castVote({ uuid: poll, userID: `${user}-${name}`, select_options: 'a' })
      return 'ok' in answer ? { done: t.equal(answer.ok.status, 'Vote Successfully!') } : { seen: answer.details }
    })
  }
}

test('a primary that crashes is replaced, and so is the next one that is frozen: fenced first, and then votes are taken', async (t) => {
  const { poll, watcher } = await watched(t)
  await docker('kill', containerOf('db-primary'))
  const crash = await watcher.next('failed-over')
  t.match(crash, { promoted: 'db-replica', fenced: ['db-primary'], promotedNow: true, timeline: 2 })
  const { started, checked, fenced, promoted, served } = crash.marks
  const marks = [crash.suspected, crash.detected, started, checked, fenced, promoted, served]
  t.strictSame(
    [...marks].sort((a, b) => a - b),
    marks,
    'the marks are in their order',
  )
  await bothServe(t, poll, 'ann')
  t.match(await watcher.next('watching'), { primary: 'db-replica', standby: null })

  t.match(await json(t, 'rejoin'), { standbys: [{ name: 'db-primary' }] })
  t.match(await watcher.next('watching'), { primary: 'db-replica', standby: 'db-primary' })
  await docker('pause', containerOf('db-replica'))
  t.match(await watcher.next('failed-over'), { promoted: 'db-primary', fenced: ['db-replica'], timeline: 3 })
  t.equal(await stateOf('db-replica'), 'exited', 'the frozen one was killed')
  await bothServe(t, poll, 'bob')
})

test('a lost answer is no death, a switchover neither; a primary that thaws after its failover acknowledges nothing', async (t) => {
  const { poll, watcher } = await watched(t)
  await docker('pause', containerOf('db-primary'))
  await docker('unpause', containerOf('db-primary'))
  t.match(await json(t, 'switchover'), { primary: 'db-replica' })
  t.match(await watcher.next('watching', (it) => it.primary === 'db-replica' && it.standby !== null), {
    standby: 'db-primary',
  })
  t.match(await json(t, 'switchover'), { primary: 'db-primary' })
  await watcher.next('watching', (it) => it.primary === 'db-primary' && it.standby !== null)
  t.equal(await sql('db-primary', 'select timeline_id from pg_control_checkpoint()'), '3', 'it promoted nobody itself')

  const [node] = lab.databases
  if (node === undefined) throw new Error('no database')
  const direct = await directVotes(lab, node, poll)
  t.teardown(direct.end)
  await untilHas('db-primary', "select count(*) from pg_stat_activity where usename = 'owner'", '4')
  await docker('pause', containerOf('db-primary'))
  direct.cast()
  t.match(await watcher.next('failed-over'), { fenced: ['db-primary'] })
  // To be killed it has to wake for a moment: what it acknowledged then was before the promotion, and checked.
  const before = direct.acknowledged()
  await t.rejects(docker('unpause', containerOf('db-primary')), 'there is nothing to thaw')
  direct.cast()
  await docker('start', containerOf('db-primary'))
  await until('it to say that it is fenced', { seconds: 10, patience }, async () => {
    direct.cast()
    const said = (await logsOf(containerOf('db-primary'))).slice(-300)
    return said.includes('is fenced') ? { done: undefined } : { seen: said }
  })
  t.ok(direct.attempts() >= 12, `${direct.attempts()} votes were put to it`)
  t.equal(direct.acknowledged(), before)
  await voteGetsThrough(t, poll, 'ann')
})

test('a primary whose PostgreSQL dies is brought back by the engine, with all that it has, and is not replaced', async (t) => {
  const { poll, watcher } = await watched(t)
  const started = () => docker('inspect', '-f', '{{.State.StartedAt}}', containerOf('db-primary'))
  await voteOn('db-primary', poll, 'ann')
  const before = await started()
  // Process 1 of a container dies only by a signal from outside; and what `docker kill` ends, the engine does not start again.
  const [pid, image] = (await docker('inspect', '-f', '{{.State.Pid}} {{.Image}}', containerOf('db-primary'))).split(
    ' ',
  )
  await docker('run', '--rm', '--pid', 'host', '--user', '0', image ?? '', 'kill', '-KILL', pid ?? '')
  await until('the engine to have started it again', { seconds: 10, patience }, async () => {
    const now = await started()
    return now !== before ? { done: undefined } : { seen: now }
  })
  await voteGetsThrough(t, poll, 'bob')
  t.notOk(watcher.left().includes('failed-over'))
  t.equal(await votersOn('db-primary', poll), 'ann bob')
  t.equal(await sql('db-replica', 'select pg_is_in_recovery()'), 't')
})

test('a primary that lives and is cut off from all others is replaced', async (t) => {
  const { poll, watcher } = await watched(t)
  const isolated = await fault('isolate', 'db-primary')
  t.equal(isolated.exit, 0, failureOf(isolated))
  t.match(await watcher.next('decided'), { primary: 'db-primary', why: /cut off/ })
  t.match(await watcher.next('failed-over'), { promoted: 'db-replica', fenced: ['db-primary'] })
  t.equal(await stateOf('db-primary'), 'exited')
  await bothServe(t, poll, 'ann')
})

test('a watch does not promote if that loses more than allowed, or if there is no standby; it says so once', async (t) => {
  const { poll, watcher } = await watched(t, '--max-lag', '0')
  await cutOff()
  await voteOn('db-primary', poll, 'ann')
  await docker('kill', containerOf('db-primary'))
  t.match(await watcher.next('refused'), { code: 'LOSES_TOO_MUCH' })
  t.equal(await sql('db-replica', 'select pg_is_in_recovery()'), 't')
  await docker('stop', containerOf('db-replica'))
  t.match(await watcher.next('refused'), { code: 'NOTHING_TO_PROMOTE' })
  await docker('start', containerOf('db-primary'), containerOf('db-replica'))
  t.match(await watcher.next('recovered'), { primary: 'db-primary' })
  t.notOk(watcher.left().includes('failed-over'))
})
