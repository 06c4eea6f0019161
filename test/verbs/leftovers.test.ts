import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { startWatcher } from '../../scripts/lab/verbs/watcher.ts'
import { until } from '../../scripts/lab/wait.ts'
import { containerOf, docker, failureOf, lab, patience, resetAfter, startVerb, verb } from '../the-lab.ts'

/** Containers of the lab that are none of its nodes. */
const helpers = async (): Promise<readonly string[]> =>
  (await docker('ps', '-a', '--filter', `label=failover-lab.lab=${lab.name}`, '--format', '{{.Names}}'))
    .split('\n')
    .filter((name) => name !== '' && !lab.nodes.some(({ container }) => container === name))

test('the next verb removes what a killed verb left, and keeps what a living process needs', async (t) => {
  // As a verb leaves it that is killed between the creation of a helper and its start.
  const image = await docker('inspect', '-f', '{{.Config.Image}}', containerOf('loader'))
  const label = ['--label', `failover-lab.lab=${lab.name}`]
  const ended = startVerb('status', ['--help'])
  const gone = ended.child.pid ?? 0
  await ended.ended
  const left = await docker('create', ...label, '--label', `failover-lab.for=${gone}-1`, image, 'true')
  const needed = await docker('create', ...label, '--label', await labelOf(process.pid), image, 'true')
  t.teardown(() => docker('rm', '-f', needed))
  t.equal((await helpers()).length, 2)
  const healed = await verb('fault', ['heal', 'crash', 'loader'])
  t.equal(healed.exit, 0, failureOf(healed))
  const ids = await docker('ps', '-aq', '--no-trunc', '--filter', `label=failover-lab.lab=${lab.name}`)
  t.notMatch(ids, left)
  t.match(ids, needed)
})

test('a watch that fails over removes what a killed verb left, as a failover does', async (t) => {
  resetAfter(t)
  const watcher = startWatcher(lab, [])
  t.teardown(() => watcher.stop())
  await watcher.next('watching')
  const image = await docker('inspect', '-f', '{{.Config.Image}}', containerOf('loader'))
  const labels = ['--label', `failover-lab.lab=${lab.name}`, '--label', 'failover-lab.for=1-1']
  await docker('create', ...labels, image, 'true')
  await docker('kill', containerOf('db-primary'))
  await watcher.next('failed-over')
  t.strictSame(await helpers(), [])
})

test('a verb that is killed while it has a helper carries its label, so that the next one finds it', async (t) => {
  let seen: readonly string[] = []
  // A look at the network makes a helper for each node: it is killed when the first one is there.
  for (let attempt = 0; attempt < 10 && seen.length === 0; attempt++) {
    const command = ['scripts/fault.ts', 'isolate', 'loader', 'db-primary']
    // With all that it started: as when its terminal is gone, or the machine's memory.
    const child = spawn(process.execPath, command, { detached: true, stdio: 'ignore' })
    const closed = once(child, 'close')
    await until('a helper', { seconds: 20, patience }, async () => {
      seen = await helpers()
      return seen.length > 0 || child.exitCode !== null ? { done: undefined } : { seen: 'none' }
    })
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    await closed
  }
  t.ok(seen.length > 0, 'it had a helper')
  const healed = await verb('fault', ['heal'])
  t.equal(healed.exit, 0, failureOf(healed))
  t.strictSame(await helpers(), [])
})

async function labelOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return `failover-lab.for=${pid}-${stat.split(') ').at(-1)?.split(' ')[19]}`
}
