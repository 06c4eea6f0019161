import { test } from 'tap'
import { KINDS } from '../../scripts/lab/faults/kinds.ts'
import { statusOf } from '../../scripts/lab/verbs/status.ts'
import { until } from '../../scripts/lab/wait.ts'
import { broken, connection, fault, faults, healed, healthyAgain } from '../faults.ts'
import { containerOf, docker, failureOf, lab, patience, sql, startVerb, verb } from '../the-lab.ts'

const list = async () => JSON.parse((await fault('list', '--json')).stdout)

test('list shows faults of every place at once; heal ends them all, and again changes nothing', async (t) => {
  // Some by hand: what is in force is read from the system, not from what the verb remembers.
  await docker('kill', containerOf('backup'))
  await sql('db-replica', 'select pg_wal_replay_pause()')
  await broken(t, 'isolate', 'loader', 'db-primary')
  await fault('slow', 'db-primary', 'db-replica')
  await docker('pause', containerOf('db-primary'))
  const { faults, unseen } = await list()
  t.strictSame(
    faults.map(({ kind, node, way }: Record<string, string>) => `${kind} ${node} ${way ?? ''}`.trim()),
    [
      'crash backup',
      'freeze db-primary',
      'isolate loader in',
      'isolate loader out',
      'slow db-primary out',
      'replay-pause db-replica',
    ],
  )
  t.match(unseen, [/db-primary is paused/])
  await healed(t)
  t.match(await list(), { faults: [], unseen: [] })
  t.match(await fault('heal'), { exit: 0, stdout: /nothing to heal/ })
})

test('if a verb is killed half-way, its fault shows in the list, and heal removes it', async (t) => {
  const { child, ended } = startVerb('fault', ['isolate', 'loader'])
  child.stderr.on('data', (chunk) => {
    if (String(chunk).includes('docker run')) child.kill('SIGKILL')
  })
  await ended
  await healed(t, 'isolate')
  t.strictSame(await faults('isolate', 'loader'), [])
  t.equal(await connection('loader', 'primary'), 'open')
})

test('--for heals after that time, and at once when interrupted', async (t) => {
  const ran = await fault('freeze', 'backup', '--for', '0.5')
  t.equal(ran.exit, 0, failureOf(ran))
  t.match(ran.stdout, /in force for 0.5 s(.|\n)*healed/)
  t.strictSame(await faults('freeze', 'backup'), [])
  const { child, ended } = startVerb('fault', ['freeze', 'backup', '--for', '600'])
  child.stdout.on('data', (chunk) => {
    if (String(chunk).includes('in force')) child.kill('SIGINT')
  })
  t.match(await ended, { exit: 130, stdout: /healed/ })
  t.strictSame(await faults('freeze', 'backup'), [])
})

test('a fault that makes no sense is refused, with one that does', async (t) => {
  const cases: [string[], RegExp][] = [
    [['freeze', 'nobody'], /NO_SUCH_NODE: nobody .*\n.*db-primary, db-replica, primary, backup, loader/],
    [['isolate', 'primary', 'primary'], /FAULT_PEER/],
    [['heal', 'everything'], /FAULT_UNKNOWN: everything .*\n.*crash, stop/],
    [['slot', 'loader'], /FAULT_MISFIT: slot does not fit loader .*\n.*database/],
  ]
  for (const [args, says] of cases) t.match(await fault(...args), { exit: 1, stderr: says })
  t.equal((await fault('melt', 'primary')).exit, 2)
  t.equal((await fault('slow', 'primary', '--rate', '0')).exit, 2)
  t.match(await verb('fault', ['list'], { LAB_NAME: 'no-such-lab' }), { exit: 1, stderr: /NOT_SET_UP/ })
  const help = (await fault('--help')).stdout
  for (const { name } of KINDS) t.ok(help.includes(`${name} [options] <node>`), name)
})

test('setup does not wait for a fault in force: it names the fault', async (t) => {
  await broken(t, 'reject', 'backup')
  await until('the fault to be felt', { seconds: 20, patience }, async () => {
    const { healthy } = await statusOf(lab)
    return healthy ? { seen: 'a healthy lab' } : { done: undefined }
  })
  const ran = await verb('setup')
  t.match(ran, { exit: 1, stderr: /FAULTS_IN_FORCE: .*reject backup(.|\n)*fault.ts heal/ })
  await healed(t, 'reject')
})

test('reset heals, also the balancer that it leaves running', async (t) => {
  await broken(t, 'isolate', 'loader', 'db-primary')
  const before = await docker('inspect', '-f', '{{.State.StartedAt}}', containerOf('loader'))
  t.equal((await verb('reset')).exit, 0)
  t.equal(await docker('inspect', '-f', '{{.State.StartedAt}}', containerOf('loader')), before)
  t.match(await list(), { faults: [] })
  await healthyAgain(t)
})

test('heal does not start a former primary beside the new one', { timeout: 120_000 * patience }, async (t) => {
  await broken(t, 'crash', 'db-primary')
  await sql('db-replica', 'select pg_promote()')
  t.match(await fault('heal', 'crash'), { exit: 1, stderr: /WOULD_SPLIT: db-primary .*\n.*rejoin/ })
  t.match(await faults('crash', 'db-primary'), [{ kind: 'crash' }])
  // Even if both are down: the one that was promoted is the one to start.
  await fault('crash', 'db-replica')
  t.match(await fault('heal', 'crash'), { exit: 1, stderr: /WOULD_SPLIT: db-primary/ })
  t.match(await faults('crash', 'db-replica'), [])
  t.equal((await verb('reset')).exit, 0)
  await healthyAgain(t)
})
