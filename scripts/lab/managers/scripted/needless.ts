import type { Plan } from '../../rules/failover-plan.ts'
import { knock } from './fencing.ts'
import { type Means, sessionOf } from './means.ts'

/** What to tell who fails over from a healthy primary; undefined if it is not healthy. A primary that is cut off answers too. */
export async function needless(means: Means, plan: Plan): Promise<string | undefined> {
  if (plan.kind === 'done' || plan.old.facts === undefined || plan.old.facts.inRecovery) return undefined
  const { node, facts } = plan.old
  const { candidate } = plan
  const streams = facts.standbys.some(({ name, state }) => name === candidate.node.name && state === 'streaming')
  // If it was cut off a moment ago, it still lists its standby.
  if (!streams || (await knock(means.lab, node, sessionOf(means, candidate.node))) !== 'open') return undefined
  return `${node.name} answers and takes writes: zx scripts/switchover.ts would lose nothing`
}
