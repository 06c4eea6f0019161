// A figure and its unit stay on one line.
const NO_BREAK = '\u00a0'

/** A count with separated thousands. */
export const count = (it: number): string => it.toLocaleString('en')

/** Milliseconds as seconds, to a hundredth. */
export const seconds = (ms: number): string => `${minus((ms / 1000).toFixed(2))}${NO_BREAK}s`

/** Milliseconds, whole. */
export const milliseconds = (ms: number): string => `${minus(count(Math.round(ms)))}${NO_BREAK}ms`

/** A time of few milliseconds, to a tenth. */
export const shortTime = (ms: number): string => `${minus(ms.toFixed(1))}${NO_BREAK}ms`

/** A moment before or after another. */
export const moment = (ms: number): string => `${ms < 0 ? '' : '+'}${seconds(ms)}`

/** A share as a percentage: 100 only if it is all, and 0 only if it is none. */
export function percent(part: number, whole: number): string {
  if (part === whole) return `100${NO_BREAK}%`
  const hundredths = Math.floor((part / whole) * 10_000)
  return part > 0 && hundredths === 0 ? `<${NO_BREAK}0.01${NO_BREAK}%` : `${hundredths / 100}${NO_BREAK}%`
}

/** A number of things, in words. */
export const plural = (it: number, one: string, many = `${one}s`): string => `${count(it)} ${it === 1 ? one : many}`

/** A date as people write it; a text that is not a date stays as it is. */
export function date(text: string): string {
  const time = new Date(text)
  return Number.isNaN(time.getTime()) ? text : `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** The typographic minus sign. */
export const minus = (number: string): string => number.replace(/^-/, '−').replace(/^−(0(\.0*)?)$/, '$1')
