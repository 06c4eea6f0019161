import { ABSENT, containersOf } from '../docker/nodes.ts'
import { labError } from '../errors.ts'
import { observe } from '../postgres/observe.ts'
import { type DatabaseNode, type Lab, MANAGERS, type Node } from '../topology/topology.ts'
import type { Fault, Place, View } from './kind.ts'
import { faultsIn } from './kinds.ts'
import { namespaceOf } from './namespace.ts'
import { daemonOf } from './patroni.ts'

export const EVERYWHERE: readonly Place[] = ['container', 'network', 'database', 'manager']

/** Looks at those places of all nodes at once. */
export async function viewsOf(lab: Lab, nodes: readonly Node[], places: readonly Place[]): Promise<readonly View[]> {
  const containers = await containersOf(lab, nodes)
  return Promise.all(
    nodes.map(async (node, index) => {
      const container = containers[index] ?? ABSENT
      const { state } = container
      const managed = MANAGERS[lab.settings.manager].inContainer && isDatabase(node)
      const [network, database, manager] = await Promise.all([
        // The packet rules of a frozen node can be seen and changed, but its database cannot be asked.
        places.includes('network') && ['running', 'paused'].includes(state) ? namespaceOf(lab, node) : undefined,
        places.includes('database') && state === 'running' && isDatabase(node) ? observe(lab, node) : undefined,
        places.includes('manager') && state === 'running' && managed ? daemonOf(node) : undefined,
      ])
      return { node, container, network, database, manager }
    }),
  )
}

/** Throws if a node is missing: then there is no lab whose faults can be changed or listed. */
export function assertThere(lab: Lab, views: readonly View[]): void {
  const absent = views.find(({ container }) => container.state === 'absent')
  if (absent !== undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: absent.node.name })
}

const isDatabase = (node: Node): node is DatabaseNode => node.kind === 'database'

/** Why part of a node could not be seen, or undefined if everything asked for was seen. */
export function unseen({ node, container, database }: View, places: readonly Place[]): string | undefined {
  if (!places.includes('database') || !isDatabase(node)) return undefined
  if (container.state !== 'running') return `${node.name} is ${container.state}`
  return database !== undefined && 'unreachable' in database ? `${node.name}: ${database.unreachable}` : undefined
}

/** The faults in force, and why some nodes could not be looked into. */
export type FaultList = { readonly lab: string; readonly faults: readonly Fault[]; readonly unseen: readonly string[] }

/** Every fault in force, read from the real system. */
export async function listFaults(lab: Lab): Promise<FaultList> {
  const views = await viewsOf(lab, lab.nodes, EVERYWHERE)
  assertThere(lab, views)
  return { lab: lab.name, faults: faultsIn(views), unseen: views.flatMap((view) => unseen(view, EVERYWHERE) ?? []) }
}
