import { $ } from 'zx/core'
import { type LabError, labError } from '../errors.ts'
import { interruption } from '../interruption.ts'

/** Told each command that changes something, as a user could type it. */
export type Tell = (line: string) => void

// Bash takes the pipe that it gets from Node for a network connection, and then reads ~/.bashrc, however long that takes;
// only in a shell within a shell it does not.
$.env = { ...process.env, SHLVL: '2' }

const quiet = $({ quiet: true, nothrow: true })

/** Runs `docker …` that changes something, after telling it; gives what it printed. */
export function act(tell: Tell, args: readonly string[]): Promise<string> {
  tell(`docker ${args.map(typed).join(' ')}`)
  return look(args)
}

/** Runs `docker …` that only looks; gives what it printed. */
export async function look(args: readonly string[]): Promise<string> {
  const result = await attempt(args)
  if (result.exit !== 0) throw failure(args, result)
  return result.stdout
}

export type Result = { readonly exit: number; readonly stdout: string; readonly stderr: string }

/** Runs `docker …` where failing is an answer too; `input` becomes its standard input. */
export async function attempt(args: readonly string[], input?: string | Buffer): Promise<Result> {
  interruption.signal.throwIfAborted()
  const output = await quiet({ signal: interruption.signal, ...(input === undefined ? {} : { input }) })`docker ${args}`
  interruption.signal.throwIfAborted()
  return { exit: output.exitCode ?? 1, stdout: output.stdout.trimEnd(), stderr: output.stderr.trimEnd() }
}

/** The error for a `docker …` that failed, or for an engine that cannot be used at all. */
export function failure(args: readonly string[], { exit, stderr }: Result): LabError {
  if (exit === 127) return labError('ENGINE_MISSING')
  if (/permission denied.*(docker\.sock|daemon socket)/i.test(stderr)) return labError('ENGINE_FORBIDDEN')
  if (/cannot connect to the docker daemon|is the docker daemon running|error during connect/i.test(stderr))
    return labError('ENGINE_DOWN', { answer: stderr.split('\n')[0] ?? '' })
  return labError('ENGINE_REFUSED', { exit, command: `docker ${args.map(typed).join(' ')}`, stderr })
}

/** An argument as one would type it in a shell. */
export const typed = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`
