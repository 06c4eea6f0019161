import { type ChildProcess, type ChildProcessWithoutNullStreams, type StdioOptions, spawn } from 'node:child_process'
import { type LabError, labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import { run } from '../run.ts'
import type { Tell } from '../steps.ts'
import { engineEnvironment } from './where.ts'

/** Tells and runs a `docker …` that changes something; gives what it printed. */
export function act(tell: Tell, args: readonly string[]): Promise<string> {
  tell(`docker ${args.map(typed).join(' ')}`)
  return look(args)
}

/** Runs a `docker …` that only reads; gives what it printed. */
export async function look(args: readonly string[]): Promise<string> {
  const result = await attempt(args)
  if (result.exit !== 0) throw failure(args, result)
  return result.stdout
}

export type Result = { readonly exit: number; readonly stdout: string; readonly stderr: string }

/** Runs a `docker …` that may fail: a failure is an answer too. `input` becomes its standard input. */
export async function attempt(args: readonly string[], input?: string | Buffer): Promise<Result> {
  const { exit, stdout, stderr } = await run('docker', args, { ...ours(), input })
  return { exit, stdout: stdout.toString().trimEnd(), stderr }
}

/** Starts a `docker …` that goes on for a while, or that is talked to. An interruption ends it. */
export function start(args: readonly string[]): ChildProcessWithoutNullStreams
export function start(args: readonly string[], stdio: StdioOptions): ChildProcess
export function start(args: readonly string[], stdio: StdioOptions = 'pipe'): ChildProcess {
  return spawn('docker', args, { ...ours(), signal: interruption.signal, stdio })
}

/**
 * A `docker …` asks the same engine as this process. It is in a process group of its own: the terminal's Ctrl-C is for this
 * process, which may still need the command to put something back.
 */
const ours = () => ({ env: engineEnvironment(process.env), detached: true })

/** The error for a `docker …` that failed, or for an engine that cannot be used at all. */
export function failure(args: readonly string[], { exit, stderr }: Result): LabError {
  // A missing command inside a container gives the same exit code, but with a message.
  if (exit === 127 && stderr === '') return labError('ENGINE_MISSING')
  if (/permission denied.*(docker\.sock|daemon socket)/i.test(stderr)) return labError('ENGINE_FORBIDDEN')
  if (/cannot connect to the docker daemon|is the docker daemon running|error during connect/i.test(stderr))
    return labError('ENGINE_DOWN', { answer: stderr.split('\n')[0] ?? '' })
  const [verb, container = ''] = args
  // Setup has compared the container already, so the start itself has failed.
  if (verb === 'start' || verb === 'restart')
    return labError('NOT_STARTED', { container, stderr: stderr.split('\n')[0] ?? '' })
  return labError('ENGINE_REFUSED', { exit, command: `docker ${args.map(typed).join(' ')}`, stderr })
}

/** An argument as a user would type it in a shell. */
export const typed = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`
