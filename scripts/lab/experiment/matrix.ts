import type { Plan } from './record.ts'

/** What to combine, and how often. */
export type Matrix = {
  readonly faults: readonly string[]
  readonly levels: readonly Plan['level'][]
  readonly recoveries: readonly Plan['recovery'][]
  readonly runs: number
}

/** Every combination, in rounds: what changes on the machine with time changes all of them. */
export function plansOf(
  { faults, levels, recoveries, runs }: Matrix,
  common: Omit<Plan, 'fault' | 'level' | 'recovery'>,
): readonly Plan[] {
  const combinations = recoveries.flatMap((recovery) =>
    faults.flatMap((fault) => levels.map((level) => ({ ...common, fault, level, recovery }))),
  )
  return Array.from({ length: runs }, () => combinations).flat()
}
