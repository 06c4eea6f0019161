import { type ContainerState, containersOf } from '../docker/nodes.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { type Facts, type Observation, observe } from './observe.ts'

/** One database as it was seen: the state of its container, and what it answered. */
export type Sight = {
  readonly node: DatabaseNode
  readonly state: ContainerState
  /** Undefined if it gave no answer. */
  readonly facts: Facts | undefined
  /** Why it gave no answer, if it was asked. */
  readonly unreachable: string | undefined
  /** What was seen, in one phrase. */
  readonly seen: string
}

/** A way to ask a database what it is. */
type Observe = (node: DatabaseNode) => Promise<Observation>

/** Looks at all databases at once, and asks those whose containers run. */
export async function lookAtDatabases(
  lab: Lab,
  ask: Observe = (node) => observe(lab, node),
): Promise<readonly Sight[]> {
  const containers = await containersOf(lab, lab.databases)
  return Promise.all(
    lab.databases.map(async (node, index) => {
      const state = containers[index]?.state ?? 'absent'
      return sightOf(node, state, state === 'running' ? await ask(node) : undefined)
    }),
  )
}

/** A database with the state of its container, and what it said if it was asked. */
export function sightOf(node: DatabaseNode, state: ContainerState, said: Observation | undefined): Sight {
  const silent = said === undefined || 'unreachable' in said
  return {
    node,
    state,
    facts: silent ? undefined : said,
    unreachable: silent ? said?.unreachable : undefined,
    seen: phrase(node, state, said),
  }
}

function phrase(node: DatabaseNode, state: ContainerState, seen: Observation | undefined) {
  if (state !== 'running') return `${node.name}: its container is ${state}`
  if (seen === undefined) return `${node.name} was not asked`
  if ('unreachable' in seen) return `${node.name} does not answer (${seen.unreachable})`
  return `${node.name} is a ${seen.inRecovery ? 'standby' : 'primary'} on timeline ${seen.timeline}`
}

export type Answering = Sight & { readonly facts: Facts }
