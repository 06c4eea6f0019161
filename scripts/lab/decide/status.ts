import { bytesOf, type Observation, observe } from '../access/database.ts'
import { healthOf } from '../access/health.ts'
import { ABSENT, type Container, type ContainerState, containersNamed, noteOf } from '../engine/nodes.ts'
import type { Fault } from '../faults/kind.ts'
import { faultsIn } from '../faults/kinds.ts'
import { type DatabaseNode, endpointOf, type Lab, type Node, type NodeName } from '../topology.ts'
import { withChanges } from './changed.ts'
import { commitsHang } from './durability.ts'

export type DatabaseStatus = {
  readonly role: 'primary' | 'standby' | 'unknown'
  readonly timeline: number | null
  readonly lsn: string | null
  /** How far replay is behind the primary; null where there is no primary to compare with. */
  readonly lagBytes: number | null
  readonly lagSeconds: number | null
  /** Is WAL streaming in from the primary? Null for a primary. */
  readonly streaming: boolean | null
  readonly replayPaused: boolean
  readonly slots: readonly { readonly name: string; readonly active: boolean; readonly retainedBytes: number | null }[]
}

export type NodeStatus = {
  readonly name: NodeName
  readonly container: string
  readonly state: ContainerState
  readonly healthy: boolean
  /** Why it is not healthy. */
  readonly problem: string | null
  readonly endpoint: string | null
  readonly startedAt: string | null
  readonly restarts: number
  /** How its container differs from what the lab made; setup puts that right. */
  readonly changed: readonly string[]
  readonly database: DatabaseStatus | null
}

export type LabStatus = {
  readonly lab: string
  readonly at: string
  readonly healthy: boolean
  /** Databases that take writes: one, unless something is wrong. */
  readonly primaries: readonly NodeName[]
  /** Does every commit on the primary wait for a standby that is not there? */
  readonly commitsHang: boolean
  /** Servers that answer calls. */
  readonly serving: readonly NodeName[]
  /** Those that show by the way; a look at the nodes' networks would cost seconds, and is `fault list`'s. */
  readonly faults: readonly Fault[]
  readonly nodes: readonly NodeStatus[]
}

/** Looks at all nodes at once, each as itself: containers, databases from inside, servers and balancer through their ports. */
export async function statusOf(lab: Lab, asked: readonly Node[] = lab.nodes): Promise<LabStatus> {
  const containers = await containersNamed(lab, lab.nodes)
  const containerOf = (node: Node) => containers[lab.nodes.indexOf(node)]
  const running = (node: Node) => asked.includes(node) && containerOf(node)?.state === 'running'
  const isDown = (node: Node) => asked.includes(node) && containerOf(node)?.state === 'exited'
  const [observations, answers, notes] = await Promise.all([
    Promise.all(lab.databases.map((node) => (running(node) ? observe(lab, node) : undefined))),
    Promise.all([...lab.servers, lab.loader].map((node) => (running(node) ? health(lab, node) : undefined))),
    Promise.all(lab.databases.map((node) => (isDown(node) ? noteOf(node) : undefined))),
  ])
  const primaryAt = primaryOf(lab, observations)
  const seen = [
    ...lab.databases.map((node, index) => {
      const it = databaseNode(lab, node, containerOf(node), observations[index], primaryAt)
      return notes[index] === 'fenced' ? { ...it, problem: FENCED } : it
    }),
    ...[...lab.servers, lab.loader].map((node, index) => frontNode(lab, node, containerOf(node), answers[index])),
  ]
  const nodes = await withChanges(lab, seen, containers)
  const primaries = nodes.filter(({ database }) => database?.role === 'primary').map(({ name }) => name)
  return {
    lab: lab.name,
    at: new Date().toISOString(),
    healthy: nodes.every(({ healthy }) => healthy) && primaries.length === 1,
    primaries,
    commitsHang: primaryAt !== undefined && commitsHang(primaryAt.observation),
    serving: nodes
      .filter((node) => lab.servers.some(({ name }) => name === node.name) && node.healthy)
      .map(({ name }) => name),
    faults: faultsIn(
      lab.nodes.map((node, index) => ({
        node,
        container: containers[index] ?? ABSENT,
        network: undefined,
        database: observations[index],
      })),
    ),
    nodes,
  }
}

const FENCED = 'fenced: a failover left it behind; zx scripts/rejoin.ts brings it back'

const health = (lab: Lab, node: Node): Promise<string> =>
  healthOf(endpointOf(lab, node) ?? '', 3 * lab.settings.patience)

type Primary = { readonly lsn: string; readonly observation: Exclude<Observation, { unreachable: string }> }

/** The primary on the highest timeline, whom a standby's lag is measured against. */
function primaryOf(lab: Lab, observations: readonly (Observation | undefined)[]): Primary | undefined {
  const found = lab.databases.flatMap((_, index) => {
    const it = observations[index]
    return it === undefined || 'unreachable' in it || it.inRecovery || it.lsn === null
      ? []
      : [{ lsn: it.lsn, observation: it }]
  })
  return found.sort((a, b) => (b.observation.timeline ?? 0) - (a.observation.timeline ?? 0))[0]
}

function common(lab: Lab, node: Node, container: Container | undefined, problem: string | null) {
  const state = container?.state ?? 'absent'
  const told = state === 'running' ? problem : `its container is ${state}`
  return {
    name: node.name,
    container: node.container,
    state,
    healthy: told === null,
    problem: told,
    endpoint: endpointOf(lab, node),
    startedAt: state === 'running' ? (container?.startedAt ?? null) : null,
    restarts: container?.restarts ?? 0,
  }
}

function databaseNode(
  lab: Lab,
  node: DatabaseNode,
  container: Container | undefined,
  seen: Observation | undefined,
  primary: Primary | undefined,
): Omit<NodeStatus, 'changed'> {
  if (seen === undefined || 'unreachable' in seen)
    return { ...common(lab, node, container, seen?.unreachable ?? 'not asked'), database: null }
  if (!seen.inRecovery)
    return {
      ...common(
        lab,
        node,
        container,
        primary && primary.observation !== seen ? 'a primary on an older timeline: split brain' : null,
      ),
      database: {
        role: 'primary',
        timeline: seen.timeline,
        lsn: seen.lsn,
        lagBytes: null,
        lagSeconds: null,
        streaming: null,
        replayPaused: false,
        slots: seen.slots,
      },
    }
  const streaming = seen.receiver === 'streaming'
  const problem = streaming ? (seen.replayPaused ? 'replay is paused' : null) : 'not streaming from a primary'
  return {
    ...common(lab, node, container, problem),
    database: {
      role: 'standby',
      timeline: seen.timeline,
      lsn: seen.lsn,
      ...lagOf(seen, primary),
      streaming,
      replayPaused: seen.replayPaused,
      slots: seen.slots,
    },
  }
}

/** A standby that has replayed everything is not behind, however long ago the last transaction was. */
function lagOf(seen: Primary['observation'], primary: Primary | undefined) {
  if (primary === undefined || seen.lsn === null) return { lagBytes: null, lagSeconds: null }
  const behind = Number(bytesOf(primary.lsn) - bytesOf(seen.lsn))
  if (behind <= 0) return { lagBytes: 0, lagSeconds: 0 }
  return { lagBytes: behind, lagSeconds: seen.replayAgeSeconds }
}

const frontNode = (
  lab: Lab,
  node: Node,
  container: Container | undefined,
  answer: string | undefined,
): Omit<NodeStatus, 'changed'> => ({
  ...common(lab, node, container, answer === 'SERVING' ? null : (answer ?? 'not asked')),
  database: null,
})
