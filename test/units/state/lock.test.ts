import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Test, test } from 'tap'
import { readSettings } from '../../../scripts/lab/settings.ts'
import { stateFolder } from '../../../scripts/lab/state/folder.ts'
import { exclusively, isHeld } from '../../../scripts/lab/state/lock.ts'
import { labOf } from '../../../scripts/lab/topology/topology.ts'
import { until } from '../../../scripts/lab/wait.ts'

const MODULES = join(import.meta.dirname, '../../../scripts/lab')
/** Takes the lock of a lab, says so, and holds it until its input ends; prints the error if it does not get the lock. */
const HOLDER = `
  const { exclusively } = await import('${MODULES}/state/lock.ts')
  const { labOf } = await import('${MODULES}/topology/topology.ts')
  const { readSettings } = await import('${MODULES}/settings.ts')
  const held = () => new Promise((resolve) => { console.log('held'); process.stdin.on('end', resolve).resume() })
  await exclusively(labOf(readSettings({ LAB_NAME: process.argv[1] })), held).catch((error) => console.log(String(error)))`
const patience = Number(process.env['LAB_PATIENCE'] || 1)
const isRoot = process.getuid?.() === 0

/** A lab of that name whose state is in a folder of the test's own. */
function labFor(t: Test, name: string) {
  const folder = mkdtempSync(join(tmpdir(), 'failover-lab-lock-'))
  const before = process.env['XDG_STATE_HOME']
  process.env['XDG_STATE_HOME'] = folder
  t.teardown(() => {
    if (before === undefined) delete process.env['XDG_STATE_HOME']
    else process.env['XDG_STATE_HOME'] = before
    rmSync(folder, { recursive: true, force: true })
  })
  return labOf(readSettings({ LAB_NAME: name }))
}

/** Another process that wants the lock; gives the first that it says, `held` or an error. */
async function holder(t: Test, name: string, ...before: readonly string[]) {
  const [command = '', ...args] = [...before, process.execPath, '--input-type=module', '-e', HOLDER, name]
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [said] = await once(createInterface({ input: child.stdout }), 'line')
  return { child, said: String(said) }
}

test('of several that want the lock at once one gets it, and the others learn who has it', async (t) => {
  const lab = labFor(t, 'one')
  const all = await Promise.all(Array.from({ length: 4 }, () => holder(t, 'one')))
  const winners = all.filter(({ said }) => said === 'held')
  t.equal(winners.length, 1, all.map(({ said }) => said).join('; '))
  for (const { said } of all.filter((it) => !winners.includes(it)))
    t.match(said, /another command is changing the lab one right now/)
  const work = async () => 'worked'
  await t.rejects(exclusively(lab, work), { code: 'BUSY', message: new RegExp(`pid ${winners[0]?.child.pid}, since`) })
  t.equal(await isHeld(lab), true)
  t.equal(await exclusively(labOf(readSettings({ LAB_NAME: 'two' })), work), 'worked', 'another lab is another matter')
  winners[0]?.child.stdin.end()
  await until('the lock to be free', { seconds: 10, patience }, async () =>
    (await isHeld(lab)) ? { seen: 'held' } : { done: undefined },
  )
  t.equal(await exclusively(lab, work), 'worked')
  t.notOk(existsSync(stateFolder(lab)), 'and nothing is left behind')
})

test('a process that is killed loses the lock', async (t) => {
  const lab = labFor(t, 'killed')
  const { child, said } = await holder(t, 'killed')
  t.equal(said, 'held')
  child.kill('SIGKILL')
  await once(child, 'close')
  t.equal(await isHeld(lab), false)
  t.equal(await exclusively(lab, async () => 'worked'), 'worked')
})

test('a lock is given back after work that fails, and not twice to those who wait for the same one', async (t) => {
  const lab = labFor(t, 'again')
  await t.rejects(
    exclusively(lab, () => Promise.reject(new Error('no'))),
    { message: 'no' },
  )
  let inside = 0
  const take = () =>
    exclusively(lab, async () => {
      inside += 1
      t.equal(inside, 1)
      await new Promise((resolve) => setImmediate(resolve))
      inside -= 1
    })
  const tries = await Promise.allSettled(Array.from({ length: 20 }, take))
  t.ok(tries.some(({ status }) => status === 'fulfilled'))
  for (const it of tries) if (it.status === 'rejected') t.match(it.reason, { code: 'BUSY' })
})

test('a network namespace of its own does not evade the lock', {
  skip: !isRoot && 'only root makes a network namespace',
}, async (t) => {
  labFor(t, 'network')
  t.equal((await holder(t, 'network')).said, 'held')
  t.match((await holder(t, 'network', 'unshare', '--net')).said, /another command is changing the lab/)
})

test('nobody but its owner can hold the lock', async (t) => {
  const lab = labFor(t, 'own')
  await holder(t, 'own')
  const folder = stateFolder(lab)
  const file = join(folder, 'lab.lock')
  t.equal(statSync(folder).mode & 0o777, 0o700)
  t.equal(statSync(file).mode & 0o777, 0o600)
  if (!isRoot) return t.comment('only root can try it as somebody else')
  chmodSync(process.env['XDG_STATE_HOME'] ?? '', 0o755)
  const tried = spawnSync('setpriv', ['--reuid=65534', '--clear-groups', 'flock', '-n', file, 'true'], {
    encoding: 'utf8',
  })
  t.match(tried, { status: 66, stderr: /Permission denied/ })
})

test('a folder that cannot be written to is named, with what to do', async (t) => {
  const lab = labFor(t, 'readonly')
  const file = join(process.env['XDG_STATE_HOME'] ?? '', 'file')
  writeFileSync(file, '')
  process.env['XDG_STATE_HOME'] = file
  await t.rejects(
    exclusively(lab, async () => {}),
    {
      code: 'STATE_FOLDER',
      message: /cannot keep .*\/file\/failover-lab\/readonly: ENOTDIR/,
      fix: /XDG_STATE_HOME/,
    },
  )
})
