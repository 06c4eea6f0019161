// A machine of the tests' own: the project in a folder of its own, on ports of its own, removed at the end.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { $ } from 'zx/core'
import { freePortOffset } from '../../scripts/lab/topology/free-ports.ts'
import { boxFileName, boxSettings } from '../../vm/box/settings.ts'
import type { Ran } from '../the-lab.ts'

const ROOT = join(import.meta.dirname, '../..')
const BIN = join(ROOT, 'node_modules/.bin')
/** For one command: an emulated machine is ten times as slow, and another may use the processor too. */
const COMMAND_SECONDS = 1800
const BALANCER = 8080
/** What a verb on this host waits for is in a machine that may be emulated. */
const PATIENCE = '10'

export type OwnMachine = Awaited<ReturnType<typeof ownMachine>>

/** A machine that is not there yet, and the commands that a person on the host would give it. */
export async function ownMachine() {
  await buildBox()
  const folder = await mkdtemp(join(tmpdir(), 'failover-lab-life-'))
  const offset = await freePortOffset()
  const ignored = (await readFile(join(ROOT, '.gitignore'), 'utf8')).split('\n').filter((line) => line !== '')
  await $`rsync --archive ${['.git/', ...ignored].map((path) => `--exclude=/${path}`)} ${ROOT}/ ${folder}/`
  // The box itself is too large for a copy.
  await mkdir(join(folder, 'vm/build'), { recursive: true })
  await symlink(boxFile(), join(folder, 'vm/build', basename(boxFile())))

  const environment = {
    ...Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith('LAB_') || name === 'LAB_VM_DRIVER'),
    ),
    LAB_PORT_OFFSET: String(offset),
    VAGRANT_DEFAULT_PROVIDER: 'libvirt',
  }

  /** Starts `vagrant …` in the machine's folder. */
  const start = (...args: readonly string[]) => begin('vagrant', args, folder, environment)
  const vagrant = (...args: readonly string[]): Promise<Ran> => start(...args).ended
  const loader = `127.0.0.1:${BALANCER + offset}`
  /** libvirt's name for the machine. */
  const domain = `${(await $`ruby -r ${join(folder, 'vm/host/machine.rb')} -e ${'print Machine.prefix'}`).stdout}default`

  return {
    folder,
    start,
    vagrant,
    domain,
    /** Runs a command in the machine, as its user would in a login shell. */
    inside: (command: string): Promise<Ran> => vagrant('ssh', '-c', command),
    /** `zx scripts/poll.ts …` on this host, through the forwarded port of the balancer. */
    poll: (...args: readonly string[]): Promise<Ran> =>
      begin(join(BIN, 'zx'), [join(ROOT, 'scripts/poll.ts'), '--at', loader, ...args], ROOT, {
        ...environment,
        LAB_PATIENCE: PATIENCE,
      }).ended,
    /** Removes the machine and everything that it left; what is not there is no mistake. */
    async remove(): Promise<void> {
      await vagrant('destroy', '-f')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const boxFile = (): string => join(ROOT, 'vm/build', boxFileName(boxSettings(), 'libvirt'))

async function buildBox(): Promise<void> {
  if (existsSync(boxFile())) return
  const built = await begin(join(BIN, 'zx'), ['vm/box.ts'], ROOT, process.env).ended
  if (built.exit !== 0) throw new Error(`zx vm/box.ts\n${built.stdout}${built.stderr}`)
}

/** Runs a command on this host that has to succeed; gives what it printed. */
export async function onHost(command: string, ...args: readonly string[]): Promise<string> {
  const { exit, stdout, stderr } = await begin(command, args, ROOT, process.env).ended
  if (exit !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
  return stdout
}

function begin(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
  // A process group of its own, so that an interruption reaches all of it, as Ctrl-C on a terminal does.
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const interrupt = (signal: NodeJS.Signals = 'SIGINT') => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal)
  }
  const tooLong = setTimeout(() => {
    stderr += `\n${command} ${args.join(' ')} was ended: it took more than ${COMMAND_SECONDS} s`
    interrupt('SIGKILL')
  }, COMMAND_SECONDS * 1000)
  const ended: Promise<Ran> = once(child, 'close').then(([exit]) => {
    clearTimeout(tooLong)
    return { exit: exit ?? -1, stdout, stderr }
  })
  return { ended, interrupt, said: () => stdout + stderr }
}
