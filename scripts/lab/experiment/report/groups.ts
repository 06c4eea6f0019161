import { MANAGER_NAMES } from '../../topology/topology.ts'
import { type Judgement, LEVELS, type Plan, RECOVERIES, type Run } from '../record.ts'

/** Runs of the same plan: a row of the comparison. */
export type Group = { readonly plan: Plan; readonly runs: readonly Run[] }

/** The runs, grouped by plan: faults in the order of the runs, levels from the weakest to the strongest. */
export function groupsOf(runs: readonly Run[]): Group[] {
  const faults = [...new Set(runs.map(({ plan }) => faultOf(plan)))]
  const order = ({ plan }: Group): number =>
    ((faults.indexOf(faultOf(plan)) * MANAGER_NAMES.length + MANAGER_NAMES.indexOf(plan.manager)) * RECOVERIES.length +
      RECOVERIES.indexOf(plan.recovery)) *
      LEVELS.length +
    LEVELS.indexOf(plan.level)
  return [...Map.groupBy(runs, ({ plan }) => JSON.stringify(plan)).values()]
    .flatMap((same) => (same[0] === undefined ? [] : [{ plan: same[0].plan, runs: same }]))
    .sort((a, b) => order(a) - order(b))
}

/** The fault and its node: the heading of a block of the comparison. */
export const faultOf = ({ fault, node }: Plan): string => `${fault} of ${node}`

/** The number of runs with each verdict. */
export const tally = (runs: readonly Run[]): { verdict: Judgement['verdict']; times: number }[] =>
  (['pass', 'fail', 'unknown'] as const).map((verdict) => ({
    verdict,
    times: runs.filter((it) => it.judgement.verdict === verdict).length,
  }))
