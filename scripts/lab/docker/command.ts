import { spawn } from 'node:child_process'
import { type LabError, labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import type { Tell } from '../steps.ts'
import { asksOurEngine } from './where.ts'

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
  const { exit, stdout, stderr } = await run('docker', args, input)
  return { exit, stdout: stdout.toString().trimEnd(), stderr }
}

/** Runs a command to its end, without a shell. A missing command gives exit code 127. */
export async function run(
  command: string,
  args: readonly string[],
  input?: string | Buffer,
): Promise<Omit<Result, 'stdout'> & { readonly stdout: Buffer }> {
  interruption.signal.throwIfAborted()
  const child = spawn(command, args, command === 'docker' ? asksOurEngine() : { signal: interruption.signal })
  const chunks: Buffer[] = []
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  // If it ends without reading its input, its exit code tells why.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const exit = await new Promise<number>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(127) : reject(error)))
    child.once('close', (code) => resolve(code ?? 1))
  }).finally(() => interruption.signal.throwIfAborted())
  return { exit, stdout: Buffer.concat(chunks), stderr: stderr.trimEnd() }
}

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
