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

/** Reads settings as they are typed, `ttl=30`; refuses what Patroni would raise or what would let a lease end too early. */
export function settingsIn(texts: readonly string[], now: Timing): Readonly<Record<string, number | boolean>> {
  const wanted = Object.fromEntries(texts.map(settingIn))
  const { ttl, loop_wait, retry_timeout } = { ...now, ...wanted } as Timing
  if (loop_wait + 2 * retry_timeout > ttl) throw labError('PATRONI_TIMING', { ttl, loop_wait, retry_timeout })
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
  const floor = Object.hasOwn(FLOORS, name) ? FLOORS[name as keyof typeof FLOORS] : undefined
  if (floor === undefined) throw refuse(`one of ${PATRONI_SETTINGS.join(', ')}, as in ttl=30`)
  const number = decimal(value)
  if (!Number.isInteger(number) || number < floor) throw refuse(`${name}= and a whole number from ${floor} on`)
  return [name, number]
}
