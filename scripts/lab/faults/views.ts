import { ABSENT, containersOf } from '../docker/nodes.ts'
import { labError } from '../errors.ts'
import { observe } from '../postgres/observe.ts'
import type { DatabaseNode, Lab, Node } from '../topology/topology.ts'
import type { Fault, Place, View } from './kind.ts'
import { faultsIn } from './kinds.ts'
import { namespaceOf } from './namespace.ts'

export const EVERYWHERE: readonly Place[] = ['container', 'network', 'database']

/** Looks at nodes, all at once, at those places. */
export async function viewsOf(lab: Lab, nodes: readonly Node[], places: readonly Place[]): Promise<readonly View[]> {
  const containers = await containersOf(lab, nodes)
  return Promise.all(
    nodes.map(async (node, index) => {
      const container = containers[index] ?? ABSENT
      const { state } = container
      const [network, database] = await Promise.all([
        // The packet rules of a frozen node can be seen and changed, its database cannot be asked.
        places.includes('network') && ['running', 'paused'].includes(state) ? namespaceOf(lab, node) : undefined,
        places.includes('database') && state === 'running' && isDatabase(node) ? observe(lab, node) : undefined,
      ])
      return { node, container, network, database }
    }),
  )
}

/** A node that is not there is an error for those who change faults or list them: there is no lab. */
export function assertThere(lab: Lab, views: readonly View[]): void {
  const absent = views.find(({ container }) => container.state === 'absent')
  if (absent !== undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: absent.node.name })
}

const isDatabase = (node: Node): node is DatabaseNode => node.kind === 'database'

/** Why something of a node could not be seen, or undefined where all that was asked for was. */
export function unseen({ node, container, database }: View, places: readonly Place[]): string | undefined {
  if (!places.includes('database') || !isDatabase(node)) return undefined
  if (container.state !== 'running') return `${node.name} is ${container.state}`
  return database !== undefined && 'unreachable' in database ? `${node.name}: ${database.unreachable}` : undefined
}

/** What is in force, and why some of it could not be seen. */
export type FaultList = { readonly lab: string; readonly faults: readonly Fault[]; readonly unseen: readonly string[] }

/** Every fault in force, read from the system itself. */
export async function listFaults(lab: Lab): Promise<FaultList> {
  const views = await viewsOf(lab, lab.nodes, EVERYWHERE)
  assertThere(lab, views)
  return { lab: lab.name, faults: faultsIn(views), unseen: views.flatMap((view) => unseen(view, EVERYWHERE) ?? []) }
}
