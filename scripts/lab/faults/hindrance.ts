import { hinderingOf } from '../docker/differences.ts'
import { findNetwork } from '../docker/network.ts'
import { ABSENT, containersOf } from '../docker/nodes.ts'
import { labError } from '../errors.ts'
import { hinderedError } from '../postgres/ended.ts'
import type { DatabaseNode, Lab, Node } from '../topology/topology.ts'
import { faultLines, faultsIn, KINDS } from './kinds.ts'
import { viewsOf } from './views.ts'

/** Throws if a fault in force, or a setting that hides a database, makes waiting useless. */
export async function assertUnhindered(
  lab: Lab,
  what: string,
  needs: readonly Node[],
  suspects: readonly Node[],
): Promise<void> {
  // The cheaper look comes first. A node that is off its network cannot have network faults.
  await assertAsMade(lab, needs)
  const kinds = KINDS.filter(({ hinders }) => hinders)
  const views = await viewsOf(lab, suspects, [...new Set(kinds.map(({ place }) => place))])
  const faults = faultsIn(views, kinds)
  if (faults.length > 0) throw labError('FAULTS_IN_FORCE', { what, faults: faultLines(faults).join('; ') })
  const databases = needs.filter((node): node is DatabaseNode => node.kind === 'database')
  const [containers, seen] = await Promise.all([containersOf(lab, databases), viewsOf(lab, databases, ['database'])])
  for (const [index, node] of databases.entries()) {
    const container = containers[index] ?? ABSENT
    if (container.state !== 'running' && container.state !== 'restarting') continue
    const answer = seen[index]?.database
    const silent =
      answer === undefined ? 'it does not stay up' : 'unreachable' in answer ? answer.unreachable : undefined
    const error = await hinderedError(node, container, silent)
    if (error !== undefined) throw error
  }
}

/** Throws if a change with a `docker` command keeps a node from its work. */
async function assertAsMade(lab: Lab, needs: readonly Node[]): Promise<void> {
  const [network, containers] = await Promise.all([findNetwork(lab), containersOf(lab, needs)])
  for (const [index, node] of needs.entries()) {
    const what = hinderingOf(lab, node, containers[index] ?? ABSENT, network)
    if (what !== '') throw labError('NODE_CHANGED', { node: node.name, what })
  }
}
