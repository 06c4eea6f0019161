import type { Plan } from './record.ts'

/** What to combine, and the number of runs of each combination. */
export type Matrix = {
  readonly faults: readonly string[]
  readonly levels: readonly Plan['level'][]
  readonly recoveries: readonly Plan['recovery'][]
  readonly runs: number
}

/** Every combination, in rounds: if the machine becomes slower with time, that affects all of them alike. */
export function plansOf(
  { faults, levels, recoveries, runs }: Matrix,
  common: Omit<Plan, 'fault' | 'level' | 'recovery'>,
): readonly Plan[] {
  const combinations = recoveries.flatMap((recovery) =>
    faults.flatMap((fault) => levels.map((level) => ({ ...common, fault, level, recovery }))),
  )
  return Array.from({ length: runs }, () => combinations).flat()
}
