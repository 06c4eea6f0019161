import { asItRuns, withItsShape } from '../docker/here.ts'
import { otherUserOf } from '../docker/leftovers.ts'
import { memoryOf } from '../docker/memory.ts'
import { ABSENT, type Container, type ContainerState, containersNamed } from '../docker/nodes.ts'
import { LabError } from '../errors.ts'
import type { Fault } from '../faults/kind.ts'
import { faultsIn } from '../faults/kinds.ts'
import { daemonOf } from '../faults/patroni.ts'
import { hindranceSeen } from '../managers/hindrances.ts'
import { managerOf } from '../managers/manager-of.ts'
import type { PatroniView } from '../managers/patroni/view.ts'
import { healthOfStore } from '../managers/stores.ts'
import type { Archiver } from '../postgres/archiver.ts'
import { type Data, dataOf } from '../postgres/data.ts'
import { observe } from '../postgres/observe.ts'
import type { Observer } from '../postgres/observer.ts'
import { type Sight, sightOf } from '../postgres/sights.ts'
import { commitsHang, inForceText } from '../rules/durability.ts'
import { replacementIn } from '../rules/failover-plan.ts'
import { membersOf } from '../rules/members.ts'
import { type Due, dueFor } from '../rules/upstreams.ts'
import { healthOf } from '../service/health.ts'
import { probeWrites, type WriteProbe } from '../service/write-probe.ts'
import type { ManagerName } from '../settings.ts'
import {
  type DatabaseName,
  type DatabaseNode,
  endpointOf,
  type Lab,
  MANAGERS,
  type Node,
  type NodeName,
  placeRemedy,
  placeText,
} from '../topology/topology.ts'
import { withChanges } from './changed.ts'
import { databaseNode, frontNode, type NodeStatus, streams } from './node-status.ts'

export type LabStatus = {
  readonly lab: string
  /** The user whose lab it is, if that is another user; else null. */
  readonly otherUser: string | null
  /** The settings that it runs with, if they are not those that it was asked for with, and what to type then; else null. */
  readonly runsWith: { readonly settings: string; readonly remedy: string } | null
  readonly at: string
  readonly healthy: boolean
  /** Databases that take writes: exactly one, unless something is wrong. */
  readonly primaries: readonly DatabaseName[]
  /** Whether a server takes votes. */
  readonly takesVotes: boolean
  /** The durability level in force and its rule, in a few words; null if no primary answers, or its settings make no level. */
  readonly durability: string | null
  /** Whether every commit on the primary waits for a standby that is not there. */
  readonly commitsHang: boolean
  /** What the primary archives; null if it archives nothing. */
  readonly archiver: Archiver | null
  /** Who decides which database is the primary, and what it says; null if it says nothing. */
  readonly manager: { readonly name: ManagerName; readonly view: PatroniView | null }
  /** The state of the container of the database that was restored beside the lab; null if there is none. */
  readonly restored: ContainerState | null
  /** Servers that answer calls. */
  readonly serving: readonly NodeName[]
  /** Faults that need no extra look. Faults of the network take seconds to see: `fault list` shows them. */
  readonly faults: readonly Fault[]
  readonly nodes: readonly NodeStatus[]
}

/** The status of a lab as it runs. */
export async function statusAsItRuns(asked: Lab, observer?: Observer): Promise<LabStatus> {
  const lab = await withItsShape(asked)
  const running = await asItRuns(lab)
  const settings = placeText(running.settings, lab.settings)
  const [status, memory] = await Promise.all([
    statusOf(running, running.nodes, observer),
    Promise.all(running.nodes.map(memoryOf)),
  ])
  return {
    ...status,
    nodes: status.nodes.map((node, index) => ({ ...node, memoryBytes: memory[index] ?? null })),
    runsWith: settings === '' ? null : { settings, remedy: placeRemedy(running.settings, lab.settings) },
  }
}

/**
 * Looks at all nodes at once: all containers, databases from inside, servers and balancer through their ports. Whoever looks
 * again and again gives an observer, whose sessions stay open.
 */
export async function statusOf(lab: Lab, asked: readonly Node[] = lab.nodes, observer?: Observer): Promise<LabStatus> {
  const ask = (node: DatabaseNode) => observer?.observe(node, 3, true) ?? observe(lab, node)
  const containers = await containersNamed(lab, [...lab.nodes, lab.restored])
  const restored = containers.at(-1)?.state ?? 'absent'
  const containerOf = (node: Node) => containers[lab.nodes.indexOf(node)]
  const running = (node: Node) => asked.includes(node) && containerOf(node)?.state === 'running'
  const isDown = (node: Node) =>
    asked.includes(node) && ['created', 'exited', 'paused', 'restarting'].includes(containerOf(node)?.state ?? '')
  const fronts = [...lab.servers, lab.loader]
  const inContainer = MANAGERS[lab.settings.manager].inContainer
  const [observations, answers, data, votes, agreed, view, daemons] = await Promise.all([
    Promise.all(lab.databases.map((node) => (running(node) ? ask(node) : undefined))),
    Promise.all(fronts.map((node) => (running(node) ? health(lab, node) : undefined))),
    Promise.all(lab.databases.map((node) => (isDown(node) ? dataIn(node, containerOf(node)) : undefined))),
    Promise.all(lab.servers.map((node) => (running(node) ? voteAt(lab, node) : undefined))),
    Promise.all(lab.stores.map((node) => (running(node) ? healthOfStore(node) : undefined))),
    managerOf(lab).view(lab),
    Promise.all(lab.databases.map((node) => (inContainer && running(node) ? daemonOf(node) : undefined))),
  ])
  const sights = lab.databases.map((node, index) =>
    sightOf(node, containerOf(node)?.state ?? 'absent', observations[index]),
  )
  const { primary } = membersOf(sights)
  const down = Object.fromEntries(lab.databases.map(({ name }, index) => [name, data[index]]))
  const replacement = replacementIn(sights, down)?.node.name
  const refusals = votes.map((vote, index) =>
    answers[index] === 'SERVING' && vote !== undefined && 'problem' in vote ? vote.problem : undefined,
  )
  // If only one server takes no votes, the problem is that server's. If none takes votes, it is the database's.
  const someTakeVotes = votes.some((vote) => vote !== undefined && !('problem' in vote))
  const refused = someTakeVotes ? undefined : refusals.find((refusal) => refusal !== undefined)
  const hindrances = await Promise.all(
    sights.map((sight) => {
      const container = containerOf(sight.node) ?? ABSENT
      const due = dueFor(sight, sights)
      if (!asked.includes(sight.node) || !hasReason(sight, container, due)) return undefined
      return hindranceSeen(lab, sight, container, due)
    }),
  )
  const seen = [
    ...sights.map((sight, index) => {
      const seen = { sight, due: dueFor(sight, sights), hindrance: hindrances[index], data: data[index]?.is }
      return databaseNode(lab, containerOf(sight.node), seen, primary, refused, replacement)
    }),
    ...lab.stores.map((node, index) => frontNode(lab, node, containerOf(node), agreed[index], undefined)),
    ...fronts.map((node, index) =>
      frontNode(lab, node, containerOf(node), answers[index], someTakeVotes ? refusals[index] : undefined),
    ),
  ]
  const [nodes, otherUser] = await Promise.all([withChanges(lab, asked, seen, containers), otherUserOf(lab)])
  const primaries = sights.filter(({ facts }) => facts?.inRecovery === false).map(({ node }) => node.name)
  return {
    lab: lab.name,
    otherUser: otherUser ?? null,
    runsWith: null,
    at: new Date().toISOString(),
    healthy: nodes.every(({ healthy }) => healthy) && primaries.length === 1,
    primaries,
    takesVotes: someTakeVotes,
    durability: primary === undefined ? null : inForceText(primary.facts),
    archiver: primary?.facts.archiver ?? null,
    manager: { name: lab.settings.manager, view: view ?? null },
    restored: restored === 'absent' ? null : restored,
    commitsHang: primary !== undefined && commitsHang(primary.facts),
    serving: lab.servers.filter((_, index) => answers[index] === 'SERVING').map(({ name }) => name),
    faults: faultsIn(
      lab.nodes.map((node, index) => ({
        node,
        container: containers[index] ?? ABSENT,
        network: undefined,
        database: observations[index],
        manager: daemons[index],
      })),
    ),
    nodes,
  }
}

/** What a database is by its data; undefined if that cannot be read. */
const dataIn = (node: DatabaseNode, container: Container | undefined): Promise<Data | undefined> =>
  dataOf(node, container?.state ?? 'absent').catch((error: unknown) => {
    if (error instanceof LabError) return undefined
    throw error
  })

/**
 * Whether a cause has to be found: the database should follow but does not, or was started but does not run. A frozen one
 * logs nothing.
 */
function hasReason({ node, facts }: Sight, container: Container, due: Due): boolean {
  if (facts === undefined) return container.state !== 'paused' && (container.startedAt ?? '') > NEVER
  return facts.inRecovery && (facts.tooLow.length > 0 || !streams(node, facts, due))
}

/** The start time that the engine gives for a container that was never started. */
const NEVER = '0001-01-02'

/** Asks each server that answers to cast a vote, for a poll that does not exist: it leaves nothing behind. */
const voteAt = (lab: Lab, node: Node): Promise<WriteProbe> =>
  probeWrites(endpointOf(lab, node) ?? '', 3 * lab.settings.patience)

/** What the health check of a server or of the balancer says. */
export const health = (lab: Lab, node: Node): Promise<string> =>
  healthOf(endpointOf(lab, node) ?? '', 3 * lab.settings.patience)
