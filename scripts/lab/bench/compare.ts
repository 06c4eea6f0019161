import { median } from '../numbers.ts'
import type { Usage } from './processor-time.ts'

/** One of the sides that are compared. */
export type Side = { readonly name: string; readonly measure: (round: number) => Promise<Measured> }

export type Measured = {
  readonly perSecond: number
  /** All work, also before and after the time that counts. */
  readonly done: number
}

/** The rates of one side, in the order of rounds; for the last round also the processor time. */
export type Series = {
  readonly name: string
  readonly perSecond: readonly number[]
  /** Microseconds of processor time for each call, vote or row, by node. */
  readonly microseconds: Readonly<Record<string, number>>
  /** Share of all processors that was busy, with any program. */
  readonly busy: number
}

export type Comparison = {
  readonly what: string
  readonly measured: Series
  readonly against: Series
  /** Median of the rounds' ratios. In a round both sides are measured right after each other. */
  readonly ratio: number
  /** The same for the processor time of all nodes and clients: other programs on the machine hardly change it. */
  readonly ratioOfTime: number
  /** The least that the ratio should be; null if there is no target. */
  readonly target: number | null
}

type Watch = <T>(work: () => Promise<T>) => Promise<{ result: T; usage: Usage }>

/**
 * Measures the sides in turn, round after round, every other round in the opposite order: if the machine slows down, that
 * affects all of them. `watch` measures processor time, only in the last round, since that takes time too.
 */
export async function measureInTurn(sides: readonly Side[], rounds: number, watch: Watch): Promise<readonly Series[]> {
  const rates = sides.map((): number[] => [])
  const inOrder = [...sides.entries()]
  for (let round = 0; round < rounds - 1; round++)
    for (const [nth, side] of round % 2 === 0 ? inOrder : inOrder.toReversed())
      rates[nth]?.push((await side.measure(round)).perSecond)
  const series: Series[] = []
  for (const [nth, { name, measure }] of inOrder) {
    const { result, usage } = await watch(() => measure(rounds - 1))
    const perCall = Object.entries(usage.seconds).map(([node, spent]) => [
      node,
      (spent * 1e6) / Math.max(1, result.done),
    ])
    const perSecond = [...(rates[nth] ?? []), result.perSecond]
    series.push({ name, perSecond, microseconds: Object.fromEntries(perCall), busy: usage.busy })
  }
  return series
}

/** Compares one series with another of the same rounds. */
export function compare(what: string, [measured, against]: readonly Series[], target: number | null): Comparison {
  if (measured === undefined || against === undefined) throw new Error(`${what}: nothing to compare`)
  const ratios = measured.perSecond.map((rate, round) => rate / (against.perSecond[round] ?? Number.NaN))
  const ratioOfTime = timeOf(against) / timeOf(measured)
  return { what, measured, against, ratio: median(ratios), ratioOfTime, target }
}

const timeOf = ({ microseconds }: Series): number => Object.values(microseconds).reduce((sum, spent) => sum + spent, 0)
