import { enableCompileCache } from 'node:module'
import { basename, resolve } from 'node:path'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { chalk, ProcessOutput } from 'zx/core'
import { LabError } from './errors.ts'
import { heedInterruption, interruption } from './interruption.ts'
import { heedProxies } from './proxy.ts'

// Halves the time to load what a script imports from here on.
enableCompileCache()

let listed: Command[] | undefined

/** From now on a script that is imported runs nothing: its command line is put into the list that this gives. */
export function listPrograms(): readonly Command[] {
  listed = []
  return listed
}

/**
 * Runs one verb's command line; called by each script with its own file name.
 * Exit codes: 0 done, 1 failed, 2 unusable arguments, 130 interrupted.
 */
export async function commandLine(script: string, define: (program: Command) => void): Promise<void> {
  // `zx scripts/x.ts …` leaves its own words before the script's.
  const own = process.argv.findIndex((word) => resolve(word) === script)
  const program = new Command()
    .name(`zx scripts/${script.split('/').at(-1)}`)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('Try --help.')
  define(program)
  if (listed !== undefined) return void listed.push(program)
  heedInterruption()
  heedProxies()
  try {
    await program.parseAsync(process.argv.slice(own + 1), { from: 'user' })
  } catch (error) {
    process.exitCode = report(error, basename(script, '.ts'))
  }
}

/** Reads a whole number of that range from an argument. */
export function numberFrom(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
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
    return cause.code === 'INTERRUPTED' ? 130 : 1
  }
  // Not foreseen, so a mistake of ours: show all there is.
  console.error(cause instanceof ProcessOutput ? String(cause) : cause)
  return 1
}
