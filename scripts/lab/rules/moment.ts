import { labError } from '../errors.ts'

const MOMENT =
  /^(?<day>\d{4}-\d{2}-\d{2})[ T](?<time>\d{2}:\d{2}(?::\d{2}(?:\.(?<fraction>\d{1,6}))?)?) ?(?<zone>Z|[+-]\d{2}(?::?\d{2})?)?$/

/** A moment as people write it, with its time zone; milliseconds since 1970, to the microsecond, as PostgreSQL counts. */
export function momentIn(text: string): number {
  const { day, time, fraction = '', zone } = MOMENT.exec(text.trim())?.groups ?? {}
  if (day === undefined || time === undefined) throw labError('NO_MOMENT', { text })
  if (zone === undefined) throw labError('MOMENT_WITHOUT_ZONE', { text, here: `${text.trim()}${offsetHere()}` })
  const [, sign = '', hours = '', minutes = '00'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? []
  const at = Date.parse(
    `${day}T${time.length === 5 ? `${time}:00` : time.slice(0, 8)}${sign === '' ? 'Z' : `${sign}${hours}:${minutes}`}`,
  )
  // The 31st of February is the 3rd of March for Date.
  const shifted = new Date(at + offsetOf(sign, hours, minutes))
  if (Number.isNaN(at) || shifted.toISOString().slice(0, 10) !== day) throw labError('NO_MOMENT', { text })
  return at + Number(fraction.padEnd(6, '0')) / 1000
}

const offsetOf = (sign: string, hours: string, minutes: string): number =>
  sign === '' ? 0 : (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000

/** This machine's offset from UTC, as it is written after a time. */
function offsetHere(): string {
  const minutes = -new Date().getTimezoneOffset()
  const two = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(minutes / 60)}${minutes % 60 === 0 ? '' : `:${two(minutes % 60)}`}`
}

/** A moment with milliseconds, and microseconds if it has some, in UTC, as PostgreSQL and people read it. */
export function momentText(at: number): string {
  const whole = Math.floor(at)
  const microseconds = Math.round((at - whole) * 1000)
  const text = new Date(whole).toISOString().replace('T', ' ').replace('Z', '')
  return `${text}${microseconds === 0 ? '' : String(microseconds).padStart(3, '0')}+00`
}
