import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, open, readFile, rmdir, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import type { Lab } from '../topology/topology.ts'
import { makeStateFolder, stateFolder, unusable } from './folder.ts'

/** What a lock is for: the lab itself, or a long task that runs once at a time and whose commands change the lab. */
type What = 'lab' | 'exercise' | 'experiment' | 'backup'

/** Seconds that a command waits for the lock: a command that only checks the lock has it for an instant. */
const WAIT_SECONDS = 0.3

/**
 * Runs `work` while no other command of this user changes the same lab; a second one gets a `BUSY` error.
 * The lock is a `flock` on a file in the lab's own state folder, which nobody else can open. The kernel releases it
 * however the process ends. It belongs to the open file, so the command that takes it may end at once.
 */
export async function exclusively<T>(lab: Lab, work: () => Promise<T>, what: What = 'lab'): Promise<T> {
  const file = await take(lab, what)
  try {
    return await work()
  } finally {
    // Another command that waits for the lock sees that the file is gone, and makes a new one.
    const path = fileOf(lab, what)
    if (await isStill(path, file)) await unlink(path).catch(() => {})
    // Removes the folder too, if nothing else is in it.
    await rmdir(dirname(path)).catch(() => {})
    await file.close()
  }
}

/** Whether a command is changing the lab at this moment. */
export async function isHeld(lab: Lab): Promise<boolean> {
  const path = fileOf(lab, 'lab')
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return false
  try {
    return !(await flock(file, path, ['--shared', '--nonblock']))
  } finally {
    await file.close()
  }
}

const fileOf = (lab: Lab, what: What): string => join(stateFolder(lab), `${what}.lock`)

async function take(lab: Lab, what: What): Promise<FileHandle> {
  const path = fileOf(lab, what)
  for (;;) {
    await makeStateFolder(lab)
    const file = await open(path, 'a+', 0o600).catch((error: NodeJS.ErrnoException) => {
      // The last command that had the lock has just removed the folder.
      if (error.code === 'ENOENT') return undefined
      throw unusable(dirname(path), error)
    })
    if (file === undefined) continue
    let taken = false
    try {
      if (!(await flock(file, path, ['--exclusive', '--timeout', String(WAIT_SECONDS)])))
        throw labError('BUSY', { lab: lab.name, holder: await holderIn(path) })
      taken = await isStill(path, file)
      if (!taken) continue
      await file.truncate()
      await file.write(JSON.stringify({ pid: process.pid, verb: ownVerb(), since: new Date().toISOString() }))
      return file
    } finally {
      if (!taken) await file.close()
    }
  }
}

/** Whether the locked file is still at its path: the command that had the lock before may have removed it meanwhile. */
async function isStill(path: string, file: FileHandle): Promise<boolean> {
  const [found, locked] = await Promise.all([stat(path).catch(() => undefined), file.stat()])
  return found !== undefined && found.ino === locked.ino && found.dev === locked.dev
}

/** Locks an open file with util-linux's command, since Node has no flock; false if another process has the lock. */
async function flock(file: FileHandle, path: string, options: readonly string[]): Promise<boolean> {
  // Ctrl-C is for this process; it must not end the command before its answer.
  const child = spawn('flock', [...options, '3'], { stdio: ['ignore', 'ignore', 'pipe', file.fd], detached: true })
  const said = child.stderr === null ? '' : text(child.stderr)
  const [exit] = await once(child, 'close').catch((error: unknown) => {
    throw unusable(path, error)
  })
  if (interruption.signal.aborted) throw interruption.signal.reason
  if (exit === 0 || exit === 1) return exit === 0
  throw unusable(path, new Error(await said))
}

const ownVerb = (): string => basename(process.argv.find((word) => word.endsWith('.ts')) ?? '', '.ts')

/** The command that has the lock, as far as it is known. */
async function holderIn(path: string): Promise<string> {
  try {
    const { pid, verb, since } = JSON.parse(await readFile(path, 'utf8'))
    process.kill(Number(pid), 0)
    return `${verb === '' ? '' : `${verb}, `}pid ${pid}, since ${new Date(since).toLocaleTimeString('en-GB')}`
  } catch {
    return 'its process is unknown'
  }
}
