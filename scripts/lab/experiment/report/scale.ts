/** Positions of values on an axis, and the round values that are written beside it. */
export type Scale = {
  readonly from: number
  readonly to: number
  readonly at: (value: number) => number
  readonly ticks: readonly number[]
}

// A smaller span could not be divided, so it counts as none.
const LEAST = 1e-9

/** A scale with equal steps: from and to of the values, then of the position on the page. */
export function linear([from, to]: Span, [start, end]: Span, steps = 5): Scale {
  const length = to - from > LEAST ? to - from : 1
  const step = roundStep(length / steps)
  const first = Math.ceil(from / step)
  const ticks = Array.from({ length: Math.floor((from + length) / step) - first + 1 }, (_, it) =>
    Number(((first + it) * step).toPrecision(12)),
  )
  return { from, to: from + length, ticks, at: (value) => place(start + ((value - from) / length) * (end - start)) }
}

/** A scale on which each step is ten times the one before; it ends at powers of ten. */
export function logarithmic([from, to]: Span, [start, end]: Span): Scale {
  const low = Math.floor(Math.log10(from))
  const high = Math.max(low + 1, Math.ceil(Math.log10(to)))
  const ticks = Array.from({ length: high - low + 1 }, (_, it) => 10 ** (low + it))
  const share = (value: number) => (Math.log10(value) - low) / (high - low)
  return { from: 10 ** low, to: 10 ** high, ticks, at: (value) => place(start + share(value) * (end - start)) }
}

export type Span = readonly [number, number]

/** The next 1, 2 or 5 times a power of ten that is not less. */
export function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return power * ([1, 2, 5].find((it) => it * power >= least) ?? 10)
}

/** The least and the greatest of some values; if there are none, the given default. */
export function extent(values: Iterable<number>, otherwise: Span): Span {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    if (value < least) least = value
    if (value > most) most = value
  }
  return least <= most ? [least, most] : otherwise
}

const place = (it: number): number => Math.round(it * 10) / 10
