import { type ContainerState, containersOf } from '../docker/nodes.ts'
import { type LabError, labError } from '../errors.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { type Facts, type Observation, observe } from './database.ts'

/** One database as it was seen: the state of its container, and what it answered. */
export type Sight = {
  readonly node: DatabaseNode
  readonly state: ContainerState
  /** Undefined where it gave no answer. */
  readonly facts: Facts | undefined
  /** What was seen, in one phrase. */
  readonly seen: string
}

/** A way to ask a database what it is. */
type Observe = (node: DatabaseNode) => Promise<Observation>

/** Looks at both databases at once, and asks those whose containers run. */
export async function lookAtDatabases(
  lab: Lab,
  ask: Observe = (node) => observe(lab, node),
): Promise<readonly Sight[]> {
  const containers = await containersOf(lab, lab.databases)
  return Promise.all(
    lab.databases.map(async (node, index) => {
      const state = containers[index]?.state ?? 'absent'
      const observation = state === 'running' ? await ask(node) : undefined
      const facts = observation === undefined || 'unreachable' in observation ? undefined : observation
      return { node, state, facts, seen: phrase(node, state, observation) }
    }),
  )
}

function phrase(node: DatabaseNode, state: ContainerState, seen: Observation | undefined) {
  if (state !== 'running') return `${node.name}: its container is ${state}`
  if (seen === undefined) return `${node.name} was not asked`
  if ('unreachable' in seen) return `${node.name} does not answer (${seen.unreachable})`
  return `${node.name} is a ${seen.inRecovery ? 'standby' : 'primary'} on timeline ${seen.timeline}`
}

export type Answering = Sight & { readonly facts: Facts }

const answers = (sight: Sight): sight is Answering => sight.facts !== undefined

/** Databases that are not in recovery, the one on the highest timeline first. */
export const primariesOf = (sights: readonly Sight[]): readonly Answering[] =>
  sights
    .filter(answers)
    .filter(({ facts }) => !facts.inRecovery)
    .sort((a, b) => (b.facts.timeline ?? 0) - (a.facts.timeline ?? 0))

/** Databases in recovery that answer. */
export const standbysOf = (sights: readonly Sight[]): readonly Answering[] =>
  sights.filter(answers).filter(({ facts }) => facts.inRecovery)

/** The only primary; none or two are an error. */
export function primaryOf(sights: readonly Sight[]): Answering {
  const [primary, second] = primariesOf(sights)
  if (primary === undefined) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  if (second !== undefined) throw splitBrain(sights)
  return primary
}

/** Both are primaries. */
export const splitBrain = (sights: readonly Sight[]): LabError => labError('SPLIT_BRAIN', { seen: seenOf(sights) })

/** What was seen of all databases, in one line. */
export const seenOf = (sights: readonly Sight[]): string => sights.map(({ seen }) => seen).join('; ')

/** The other database. */
export function peerOf(lab: Lab, { peer }: DatabaseNode): DatabaseNode {
  const found = lab.databases.find(({ name }) => name === peer)
  if (found === undefined) throw new Error(`no node ${peer}`)
  return found
}

/** The slot that a node streams over; start.sh gives it the same name. */
export const slotOf = ({ name }: DatabaseNode): string => name.replaceAll('-', '_')
