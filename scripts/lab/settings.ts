import { readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { isMirror, MIRROR_MUST_BE } from '../../vm/network/mirror.ts'
import { withoutPasswords } from '../../vm/network/proxy.ts'
import { labError } from './errors.ts'
import { decimal } from './numbers.ts'
import { repeated } from './visible.ts'

const machine: { readonly ports: Readonly<Record<string, number>>; readonly maxPortOffset: number } = JSON.parse(
  readFileSync(new URL('../../vm/settings.json', import.meta.url), 'utf8'),
)
if (!Object.values(machine.ports).every((port) => Number.isInteger(port) && port >= 1 && port <= 65535))
  throw new Error('vm/settings.json: a port must be a whole number from 1 to 65535')

/** Ports that nodes are published on before `LAB_PORT_OFFSET`, and its largest value: the Vagrantfile reads the same file. */
export const { ports: PORTS, maxPortOffset: MAX_PORT_OFFSET } = machine

/** The name of the lab without a LAB_NAME, in its label and in its state folder. */
export const UNNAMED = 'default'

// Plain functions: every verb reads these settings, and a library of schemas would be a fifth of its start.

/** Reads a variable; throws an `Unusable` that says what it must be. */
type Read<T> = (text: string) => T

class Unusable extends Error {}

const text =
  (fits: (text: string) => boolean, mustBe: string): Read<string> =>
  (text) => {
    if (!fits(text)) throw new Unusable(mustBe)
    return text
  }

const choice =
  <const T extends string>(...choices: readonly T[]): Read<T> =>
  (text) => {
    const chosen = choices.find((it) => it === text)
    if (chosen === undefined) throw new Unusable(`${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`)
    return chosen
  }

const number =
  (low: number, high: number): Read<number> =>
  (text) => {
    const value = decimal(text)
    if (Number.isNaN(value)) throw new Unusable(`a number from ${low} to ${high}`)
    if (value < low) throw new Unusable(`at least ${low}`)
    if (value > high) throw new Unusable(`at most ${high}`)
    return value
  }

const wholeNumber =
  (low: number, high: number): Read<number> =>
  (text) => {
    const value = number(low, high)(text)
    if (!Number.isInteger(value)) throw new Unusable('a whole number')
    return value
  }

const name = text(
  (text) => /^[a-z][a-z0-9-]{0,23}$/.test(text),
  'up to 24 lower-case letters, digits and dashes, a letter first',
)

/** Each setting of the lab: how it is read. */
const READ = {
  /** A second lab beside the first: prefix of its containers, volumes and network. Default: none. */
  LAB_NAME: (given: string) =>
    text((it) => it !== UNNAMED, `another name: ${UNNAMED} is the lab without one`)(name(given)),
  /** PostgreSQL's major version. Default: 17. */
  LAB_POSTGRES: choice('13', '15', '17'),
  /** How many standbys the lab has. Default: 1. */
  LAB_STANDBYS: choice('1', '2', '3'),
  /** Who decides which database is the primary: the lab's own verbs, or Patroni. Default: scripted. */
  LAB_MANAGER: choice('scripted', 'patroni'),
  /** Added to every published port. Default: 0. */
  LAB_PORT_OFFSET: wholeNumber(0, MAX_PORT_OFFSET),
  /** Address that ports are published on. Default: 127.0.0.1; the VM sets 0.0.0.0. */
  LAB_BIND: text(
    // An address from 224 on belongs to many machines or to none, although a program can listen there.
    (it) => isIPv4(it) && Number(it.split('.')[0]) < 224,
    'an IPv4 address of this machine',
  ),
  /** Multiplies every deadline, for slow machines. Default: 1. */
  LAB_PATIENCE: number(0.1, 100),
  /** Level of the servers' logs. Default: info. */
  LAB_LOG_LEVEL: choice('debug', 'info', 'warn', 'error'),
  /** How a verb tells its steps: for people, or as lines of JSON for programs. Default: text. */
  LAB_STEPS: choice('text', 'json'),
  /** A Debian mirror that packages come from while machine, box and images are built. Default: Debian's own. */
  LAB_MIRROR: text(isMirror, MIRROR_MUST_BE.replace(/^must be /, '')),
}

type Setting = keyof typeof READ

/** Every setting of the lab, as documents list them. */
export const SETTING_NAMES: readonly string[] = Object.keys(READ)

/** Who decides which database is the primary. */
export type ManagerName = 'scripted' | 'patroni'

export type Settings = {
  readonly name: string
  readonly postgres: '13' | '15' | '17'
  readonly standbys: number
  /** Whether LAB_STANDBYS was given. */
  readonly standbysGiven: boolean
  readonly manager: ManagerName
  /** Whether LAB_MANAGER was given. */
  readonly managerGiven: boolean
  readonly portOffset: number
  readonly bind: string
  readonly patience: number
  readonly logLevel: string
  readonly steps: 'text' | 'json'
  readonly mirror: string | undefined
  /** First part of the images' names. */
  readonly images: string
}

/** The lab's settings from `LAB_*` variables; an unusable one is a `SETTING` error that names it. */
export function readSettings(environment: NodeJS.ProcessEnv = process.env): Settings {
  const given = <S extends Setting>(setting: S): ReturnType<(typeof READ)[S]> | undefined => {
    const text = environment[setting]
    // A variable set to nothing counts as unset, as shells leave it behind.
    if (text === undefined || text === '') return undefined
    try {
      return READ[setting](text) as ReturnType<(typeof READ)[S]>
    } catch (error) {
      if (!(error instanceof Unusable)) throw error
      const problem = repeated(withoutPasswords(JSON.stringify(text)))
      throw labError('SETTING', { setting, problem, expected: error.message })
    }
  }
  const postgres = given('LAB_POSTGRES') ?? '17'
  const manager = given('LAB_MANAGER') ?? 'scripted'
  if (manager === 'patroni' && postgres !== '17') {
    const expected = '17: with LAB_MANAGER=patroni the lab runs no other version'
    throw labError('SETTING', { setting: 'LAB_POSTGRES', problem: `"${postgres}"`, expected })
  }
  return {
    name: given('LAB_NAME') ?? '',
    postgres,
    standbys: Number(given('LAB_STANDBYS') ?? 1),
    standbysGiven: given('LAB_STANDBYS') !== undefined,
    manager,
    managerGiven: given('LAB_MANAGER') !== undefined,
    portOffset: given('LAB_PORT_OFFSET') ?? 0,
    bind: given('LAB_BIND') ?? '127.0.0.1',
    patience: given('LAB_PATIENCE') ?? 1,
    logLevel: given('LAB_LOG_LEVEL') ?? 'info',
    steps: given('LAB_STEPS') ?? 'text',
    mirror: given('LAB_MIRROR'),
    images: 'failover-lab',
  }
}
