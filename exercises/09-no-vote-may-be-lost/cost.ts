// What experiments say about a level: a pure function of their records.
import { type Experiment, median } from '../../scripts/lab/exercise/face.ts'

/** async and a level, measured under the same conditions: two rows of the table at the end of an experiment. */
export type Comparison = {
  readonly lostAtAsync: number
  readonly lostAtLevel: number
  /** Medians of how long a vote took, milliseconds. */
  readonly async: number
  readonly level: number
}

/** The comparisons of the newest experiment that has any. Runs without --lag do not count. */
export function comparisonsOf(experiments: readonly Experiment[], level: string | null): readonly Comparison[] {
  for (const { runs } of experiments) {
    const measured = runs.filter(({ plan, length }) => plan.lag > 0 && length > 0)
    const groups = [...Map.groupBy(measured, ({ plan: { level: _, ...rest } }) => JSON.stringify(rest)).values()]
    const found = groups.flatMap((group) => {
      const [without, chosen] = ['async', level].map((wanted) => group.filter(({ plan }) => plan.level === wanted))
      const [fast, slow] = [paceOf(without), paceOf(chosen)]
      if (fast === undefined || slow === undefined) return []
      return [{ lostAtAsync: lostIn(without), lostAtLevel: lostIn(chosen), async: fast, level: slow }]
    })
    if (found.length > 0) return found
  }
  return []
}

type Runs = Experiment['runs'] | undefined

const lostIn = (runs: Runs): number => (runs ?? []).reduce((sum, { judgement }) => sum + judgement.lost.length, 0)

/** As in the table: the median over the runs of their medians. */
function paceOf(runs: Runs): number | undefined {
  const paces = (runs ?? []).flatMap(({ judgement }) => judgement.pace?.median ?? [])
  return paces.length === 0 ? undefined : median(paces)
}

/** How many times as long a vote took at the level as at async. */
export const slowdown = (it: Comparison): number => it.level / it.async

/** How far an answer may be from what was measured: the learner reads it in a table, and rounds it to one decimal. */
const TOLERANCE = { share: 0.1, rounding: 0.05 }

/** Whether the table gives this number. If the measurement shows no cost, no answer is right. */
export function isSlowdown(said: number, it: Comparison): boolean {
  if (slowdown(it) < 1 || said < 1) return false
  const shown = Number(it.level.toFixed(1)) / Number(it.async.toFixed(1))
  return [slowdown(it), shown].some(
    (ratio) => Math.abs(said - ratio) <= Math.max(TOLERANCE.rounding, TOLERANCE.share * ratio) + Number.EPSILON,
  )
}
