import { labError } from '../errors.ts'
import { decimal } from '../numbers.ts'

/** The smallest value of each of Patroni's settings that can be changed here; it raises a smaller one silently. Seconds or bytes. */
const FLOORS = {
  ttl: 20,
  loop_wait: 1,
  retry_timeout: 3,
  primary_start_timeout: 0,
  maximum_lag_on_failover: 0,
} as const
const SWITCHES = ['failsafe_mode'] as const

/** How long a lease lasts, the time from one look to the next, and how long the stores may be silent: seconds. */
export type Timing = { readonly ttl: number; readonly loop_wait: number; readonly retry_timeout: number }

/** The names of all, as they are typed. */
export const PATRONI_SETTINGS: readonly string[] = [...Object.keys(FLOORS), ...SWITCHES]

/** A lease as people write it: `30/10/10`, in the order of `Timing`. */
export const leaseText = ({ ttl, loop_wait, retry_timeout }: Timing): string =>
  [ttl, loop_wait, retry_timeout].join('/')

/** Reads a lease as it is typed, `30/10/10`; undefined if Patroni would not keep to it. */
export function leaseIn(text: string): Timing | undefined {
  const [ttl = 0, loop_wait = 0, retry_timeout = 0, ...more] = text.split('/').map(decimal)
  const timing = { ttl, loop_wait, retry_timeout }
  const isWhole = Object.entries(timing).every(([name, value]) => isSetting(name as keyof Timing, value))
  return more.length === 0 && isWhole && givesUpInTime(timing) ? timing : undefined
}

/** What a lease has to be, in words. */
export const LEASE_RULE = `ttl/loop_wait/retry_timeout in whole seconds, at least ${leaseText(FLOORS)}, and loop_wait + 2 × retry_timeout is at most ttl`

/** Whether a primary that cannot reach the stores gives up before its lease ends. */
const givesUpInTime = ({ ttl, loop_wait, retry_timeout }: Timing): boolean => loop_wait + 2 * retry_timeout <= ttl

const isSetting = (name: keyof typeof FLOORS, value: number): boolean =>
  Number.isInteger(value) && value >= FLOORS[name]

/** Reads settings as they are typed, `ttl=30`; refuses what Patroni would raise or what would let a lease end too early. */
export function settingsIn(texts: readonly string[], now: Timing): Readonly<Record<string, number | boolean>> {
  const wanted = Object.fromEntries(texts.map(settingIn))
  const timing = { ...now, ...wanted } as Timing
  if (!givesUpInTime(timing)) throw labError('PATRONI_TIMING', timing)
  return wanted
}

function settingIn(text: string): readonly [string, number | boolean] {
  const at = text.indexOf('=')
  const [name, value] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
  const refuse = (expected: string) => labError('PATRONI_SETTING', { text, expected })
  if (SWITCHES.some((it) => it === name)) {
    if (value !== 'true' && value !== 'false') throw refuse(`${name}=true or ${name}=false`)
    return [name, value === 'true']
  }
  if (!Object.hasOwn(FLOORS, name)) throw refuse(`one of ${PATRONI_SETTINGS.join(', ')}, as in ttl=30`)
  const known = name as keyof typeof FLOORS
  const number = decimal(value)
  if (!isSetting(known, number)) throw refuse(`${name}= and a whole number from ${FLOORS[known]} on`)
  return [name, number]
}
