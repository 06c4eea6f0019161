import { realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { chalk, ProcessOutput } from 'zx/core'
import { proxySettings } from '../../../vm/network/proxy.ts'
import { LabError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import { decimal } from '../numbers.ts'
import { asJson, repeated, visibleLines } from '../visible.ts'
import { coloured } from './abilities.ts'
import { asTyped } from './as-typed.ts'

let listed: Command[] | undefined

/** From now on an imported script runs nothing: its command line is added to the list that this returns. */
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
    .configureOutput({ outputError: (text, write) => write(visibleLines(withWordsCut(text))) })
  useProxies()
  chalk.level = levelOf(coloured.answers)
  try {
    define(program)
    for (const command of [program, ...program.commands]) {
      command.showHelpAfterError(hintOf(command))
      refuseRepeated(command)
    }
    if (listed !== undefined) return void listed.push(program)
    interruption.signal.throwIfAborted()
    const words = ownArguments(process.argv, script)
    refuseUselessValues(program, words)
    await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    process.exitCode = report(error, basename(script, '.ts'))
  }
}

const hintOf = ({ registeredArguments }: Command): string =>
  registeredArguments.length === 0 ? 'Try --help.' : 'Try --help. Text that begins with a dash goes after --.'

/** Commander quotes what was typed, however long that is. */
const withWordsCut = (text: string): string => text.replaceAll(/(?<=')[^']{101,}(?=')/g, repeated)

/** Refuses a value for an option that takes none: otherwise `--json=false` would mean `--json`. */
function refuseUselessValues(program: Command, words: readonly string[]): void {
  const options = [program, ...program.commands].flatMap((command) => command.options)
  const before = words.slice(0, words.includes('--') ? words.indexOf('--') : words.length)
  for (const [, name] of before.flatMap((word) => [...word.matchAll(/^(--[\w-]+)=/g)])) {
    const known = options.filter(({ long }) => long === name)
    if (known.length > 0 && known.every((option) => option.isBoolean()))
      program.error(`error: option '${name}' takes no value: give it alone, or leave it out`, { exitCode: 2 })
  }
}

/** Refuses an option that is given twice: of two values the last one would count, and nobody would notice. */
function refuseRepeated(command: Command): void {
  for (const option of command.options.filter((it) => !it.variadic)) {
    let given = false
    command.on(`option:${option.name()}`, () => {
      if (given) command.error(`error: option '${option.flags}' is given twice: give it once`)
      given = true
    })
  }
}

/** For the command that runs by default: refuses a word that is not the name of a command. */
export function refuseOtherCommands({ args: [word], parent }: Command): void {
  if (word === undefined) return
  const names = parent?.commands.map((command) => command.name()).join(', ')
  parent?.error(`error: unknown command '${word}': it must be one of ${names}`)
}

/** Reads the path of something that is to be written. */
export const pathFrom = (text: string): string => {
  if (text === '') throw new InvalidArgumentError('It must be a path.')
  return text
}

/** Arguments of a script, without the words that started it. zx puts its own before them, and each path may be a link. */
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

/** The level of colours that chalk has found; at least 1 if colours are wanted. */
const foundLevel = chalk.level
const levelOf = (wanted: boolean) => (wanted ? (foundLevel === 0 ? 1 : foundLevel) : 0)

function report(error: unknown, verb: string): number {
  chalk.level = levelOf(coloured.besides)
  // Commander has already said what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const cause = interruption.signal.aborted ? interruption.signal.reason : error
  if (cause instanceof LabError) {
    const exit = cause.code === 'INTERRUPTED' ? interruption.exit : 1
    const { code, message } = cause
    // As jsonSteps() tells the steps, also when another setting cannot be used.
    if (process.env['LAB_STEPS'] === 'json') {
      console.error(asJson({ at: new Date().toISOString(), event: 'error', code, message, fix: cause.fixIn(verb) }))
      return exit
    }
    const details = cause.details === '' ? [] : [cause.details]
    const fix = `  ${chalk.bold('→')} ${asTyped(cause.fixIn(verb))}`
    const lines = [`${chalk.red('✗')} ${code}: ${message}`, ...details, fix]
    console.error(lines.join('\n'))
    return exit
  }
  // An unexpected error is a mistake of ours: show all of it.
  console.error(visibleLines(cause instanceof ProcessOutput ? String(cause) : inspect(cause)))
  return 1
}

/** Sets the machine's proxies for this process and all that it starts, except for calls to labs: gRPC would use one. */
function useProxies(): void {
  Object.assign(process.env, proxySettings(process.env, [process.env['LAB_BIND'] ?? '']))
}
