/** The middle value; for an even number of values the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2
}

/** The smallest value such that at least that share of all values is not greater: 0.5 gives the median, 1 the greatest. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?$/

/** The number in a text, as people write numbers; NaN for 0x10, 1e3, 007, white space or an empty text. */
export const decimal = (text: string): number => (DECIMAL.test(text) ? Number(text) : Number.NaN)

/** A number of things in words: `1 vote`, `2 votes`. */
export const many = (count: number, one: string, several = `${one}s`): string =>
  `${count} ${count === 1 ? one : several}`

/** A number of bytes in the largest fitting unit. */
export function bytes(count: number): string {
  const unit = ['B', 'KiB', 'MiB', 'GiB'].findLast((_, power) => count >= 1024 ** power) ?? 'B'
  const value = count / 1024 ** ['B', 'KiB', 'MiB', 'GiB'].indexOf(unit)
  return `${unit === 'B' ? value : value.toFixed(1)} ${unit}`
}
