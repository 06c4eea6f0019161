import { realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { chalk, ProcessOutput } from 'zx/core'
import { proxySettings } from '../../../vm/proxy.ts'
import { LabError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import { decimal } from '../numbers.ts'
import { visibleLines } from '../visible.ts'

let listed: Command[] | undefined

/** From now on a script that is imported runs nothing: its command line is put into the list that this gives. */
export function listPrograms(): readonly Command[] {
  listed = []
  return listed
}

/**
 * Runs one verb's command line; called by each script with its own file name.
 * Exit codes: 0 done, 1 failed, 2 unusable arguments, 130 interrupted (129 when the terminal was closed, 143 by SIGTERM).
 */
export async function commandLine(script: string, define: (program: Command) => void): Promise<void> {
  const program = new Command()
    .name(`zx scripts/${script.split('/').at(-1)}`)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('Try --help.')
    .configureOutput({ outputError: (text, write) => write(visibleLines(text)) })
  heedProxies()
  try {
    define(program)
    if (listed !== undefined) return void listed.push(program)
    interruption.signal.throwIfAborted()
    await program.parseAsync(ownArguments(process.argv, script), { from: 'user' })
  } catch (error) {
    process.exitCode = report(error, basename(script, '.ts'))
  }
}

/** Arguments of a script, without the words that started it: zx leaves its own before those of the script, and any may be a link. */
export function ownArguments(words: readonly string[], script: string): readonly string[] {
  const file = fileAt(script)
  return words.slice(words.findIndex((word, index) => index > 0 && fileAt(word) === file) + 1 || 2)
}

function fileAt(word: string): string | undefined {
  try {
    return realpathSync(word.startsWith('file:') ? fileURLToPath(word) : word)
  } catch {
    return undefined
  }
}

/** Reads a whole number of that range from an argument. */
export function numberFrom(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = decimal(text)
    if (!Number.isInteger(value) || value < low || value > high)
      throw new InvalidArgumentError(`It must be a number from ${low} to ${high}.`)
    return value
  }
}

function report(error: unknown, verb: string): number {
  // Commander has already said what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const cause = interruption.signal.aborted ? interruption.signal.reason : error
  if (cause instanceof LabError) {
    const details = cause.details === '' ? [] : [cause.details]
    const fix = `  ${chalk.bold('→')} ${cause.fixIn(verb)}`
    const lines = [`${chalk.red('✗')} ${cause.code}: ${cause.message}`, ...details, fix]
    console.error(lines.join('\n'))
    return cause.code === 'INTERRUPTED' ? interruption.exit : 1
  }
  // Not foreseen, so a mistake of ours: show all there is.
  console.error(visibleLines(cause instanceof ProcessOutput ? String(cause) : inspect(cause)))
  return 1
}

/** Lets this process, and all that it starts, find the machine's proxies, and reach labs without them: gRPC would else call them too. */
export function heedProxies(): void {
  Object.assign(process.env, proxySettings(process.env, [process.env['LAB_BIND'] ?? '']))
}
