import { asItRuns, withItsStandbys } from '../docker/here.ts'
import { otherUserOf } from '../docker/leftovers.ts'
import { ABSENT, type Container, type ContainerState, containersNamed } from '../docker/nodes.ts'
import { LabError } from '../errors.ts'
import type { Fault } from '../faults/kind.ts'
import { faultsIn } from '../faults/kinds.ts'
import { bytesOf } from '../lsn.ts'
import { type Data, dataOf } from '../postgres/data.ts'
import { type Facts, observe } from '../postgres/observe.ts'
import type { Observer } from '../postgres/observer.ts'
import { type Answering, type Sight, sightOf } from '../postgres/sights.ts'
import { commitsHang } from '../rules/durability.ts'
import { mayBePrimary, replacementIn } from '../rules/failover-plan.ts'
import { follows, type Hindrance, type Trouble } from '../rules/hindrance.ts'
import { membersOf } from '../rules/members.ts'
import { primaryTrouble, standbyTrouble, standbyWarning, warningOf } from '../rules/trouble.ts'
import { type Due, dueFor } from '../rules/upstreams.ts'
import { healthOf } from '../service/health.ts'
import { probeWrites, type WriteProbe } from '../service/write-probe.ts'
import {
  type DatabaseName,
  type DatabaseNode,
  endpointOf,
  type Lab,
  type Node,
  type NodeName,
  placeRemedy,
  placeText,
} from '../topology/topology.ts'
import { withChanges } from './changed.ts'
import { hindranceSeen } from './hindrances.ts'

export type DatabaseStatus = {
  readonly role: 'primary' | 'standby' | 'unknown'
  /** The database that a standby follows; null for a primary. */
  readonly upstream: string | null
  readonly timeline: number | null
  readonly lsn: string | null
  /** How far replay is behind the primary; null if there is no primary to compare with. */
  readonly lagBytes: number | null
  readonly lagSeconds: number | null
  /** Whether WAL streams in from its upstream, which leads to the primary; null for a primary. */
  readonly streaming: boolean | null
  readonly replayPaused: boolean
  /** How long a standby waits before it replays a commit. */
  readonly delayedSeconds: number
  /** Free bytes on the disk of its data; null if they are unknown. */
  readonly availableBytes: number | null
  readonly slots: Facts['slots']
}

export type NodeStatus = {
  readonly name: NodeName
  readonly kind: Node['kind']
  readonly container: string
  readonly state: ContainerState
  readonly healthy: boolean
  /** Why it is not healthy. */
  readonly problem: string | null
  /** What is wrong with a database and what repairs it, if known. */
  readonly trouble: Trouble | null
  /** What will be a problem soon. */
  readonly warning: string | null
  readonly endpoint: string | null
  readonly startedAt: string | null
  readonly restarts: number
  /** How its container differs from what the lab made; setup repairs that. */
  readonly changed: readonly string[]
  readonly database: DatabaseStatus | null
}

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
  /** Whether every commit on the primary waits for a standby that is not there. */
  readonly commitsHang: boolean
  /** Servers that answer calls. */
  readonly serving: readonly NodeName[]
  /** Faults that need no extra look. Faults of the network take seconds to see: `fault list` shows them. */
  readonly faults: readonly Fault[]
  readonly nodes: readonly NodeStatus[]
}

/** The status of a lab as it runs. */
export async function statusAsItRuns(asked: Lab, observer?: Observer): Promise<LabStatus> {
  const lab = await withItsStandbys(asked)
  const running = await asItRuns(lab)
  const settings = placeText(running.settings, lab.settings)
  return {
    ...(await statusOf(running, running.nodes, observer)),
    runsWith: settings === '' ? null : { settings, remedy: placeRemedy(running.settings, lab.settings) },
  }
}

/**
 * Looks at all nodes at once: all containers, databases from inside, servers and balancer through their ports. Whoever looks
 * again and again gives an observer, whose sessions stay open.
 */
export async function statusOf(lab: Lab, asked: readonly Node[] = lab.nodes, observer?: Observer): Promise<LabStatus> {
  const ask = (node: DatabaseNode) => observer?.observe(node, 3, true) ?? observe(lab, node)
  const containers = await containersNamed(lab, lab.nodes)
  const containerOf = (node: Node) => containers[lab.nodes.indexOf(node)]
  const running = (node: Node) => asked.includes(node) && containerOf(node)?.state === 'running'
  const isDown = (node: Node) =>
    asked.includes(node) && ['created', 'exited', 'paused', 'restarting'].includes(containerOf(node)?.state ?? '')
  const [observations, answers, data, votes] = await Promise.all([
    Promise.all(lab.databases.map((node) => (running(node) ? ask(node) : undefined))),
    Promise.all([...lab.servers, lab.loader].map((node) => (running(node) ? health(lab, node) : undefined))),
    Promise.all(lab.databases.map((node) => (isDown(node) ? dataIs(node, containerOf(node)) : undefined))),
    Promise.all(lab.servers.map((node) => (running(node) ? voteAt(lab, node) : undefined))),
  ])
  const sights = lab.databases.map((node, index) =>
    sightOf(node, containerOf(node)?.state ?? 'absent', observations[index]),
  )
  const { primary } = membersOf(sights)
  const replacement = replacementIn(sights)?.node.name
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
      const seen = { sight, due: dueFor(sight, sights), hindrance: hindrances[index], data: data[index] }
      return databaseNode(lab, containerOf(sight.node), seen, primary, refused, replacement)
    }),
    ...[...lab.servers, lab.loader].map((node, index) =>
      frontNode(lab, node, containerOf(node), answers[index], someTakeVotes ? refusals[index] : undefined),
    ),
  ]
  const [nodes, otherUser] = await Promise.all([withChanges(lab, seen, containers), otherUserOf(lab)])
  const primaries = sights.filter(({ facts }) => facts?.inRecovery === false).map(({ node }) => node.name)
  return {
    lab: lab.name,
    otherUser: otherUser ?? null,
    runsWith: null,
    at: new Date().toISOString(),
    healthy: nodes.every(({ healthy }) => healthy) && primaries.length === 1,
    primaries,
    takesVotes: someTakeVotes,
    commitsHang: primary !== undefined && commitsHang(primary.facts),
    serving: lab.servers.filter((_, index) => answers[index] === 'SERVING').map(({ name }) => name),
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

const BRING_UP = 'zx scripts/setup.ts brings it up'
const FENCED = 'fenced: a failover left it behind; zx scripts/rejoin.ts brings it back'

/** What a database is by its data; undefined if that cannot be read. */
const dataIs = (node: DatabaseNode, container: Container | undefined): Promise<Data['is'] | undefined> =>
  dataOf(node, container?.state ?? 'absent').then(
    ({ is }) => is,
    (error: unknown) => {
      if (error instanceof LabError) return undefined
      throw error
    },
  )

/**
 * Whether a cause has to be found: the database should follow but does not, or was started but does not run. A frozen one
 * logs nothing.
 */
function hasReason({ node, facts }: Sight, container: Container, due: Due): boolean {
  if (facts === undefined) return container.state !== 'paused' && (container.startedAt ?? '') > NEVER
  return facts.inRecovery && (facts.tooLow.length > 0 || !streams(node, facts, due))
}

/** Without a primary, what leads to no database that answers brings nothing any more. */
const streams = ({ name }: DatabaseNode, own: Facts, { upstream, lost }: Due): boolean =>
  (upstream !== undefined || lost === undefined) && follows(name, own, upstream?.facts)

/** The start time that the engine gives for a container that was never started. */
const NEVER = '0001-01-02'

/** Asks each server that answers to cast a vote, for a poll that does not exist: it leaves nothing behind. */
const voteAt = (lab: Lab, node: Node): Promise<WriteProbe> =>
  probeWrites(endpointOf(lab, node) ?? '', 3 * lab.settings.patience)

const health = (lab: Lab, node: Node): Promise<string> =>
  healthOf(endpointOf(lab, node) ?? '', 3 * lab.settings.patience)

function common(lab: Lab, node: Node, container: Container | undefined, problem: string | null, whyDown?: string) {
  const state = container?.state ?? 'absent'
  const told = state === 'running' ? problem : (whyDown ?? `its container is ${state}; ${BRING_UP}`)
  return {
    name: node.name,
    kind: node.kind,
    container: node.container,
    state,
    healthy: told === null,
    problem: told,
    trouble: null as Trouble | null,
    warning: null as string | null,
    endpoint: endpointOf(lab, node),
    startedAt: state === 'running' ? (container?.startedAt ?? null) : null,
    restarts: container?.restarts ?? 0,
  }
}

/** What was seen of a database, apart from its container. */
type Seen = {
  readonly sight: Sight
  readonly due: Due
  readonly hindrance: Hindrance | undefined
  /** What it is by its data, if it does not run. */
  readonly data: Data['is'] | undefined
}

function databaseNode(
  lab: Lab,
  container: Container | undefined,
  { sight: { node, facts: seen, unreachable }, due, hindrance, data }: Seen,
  primary: Answering | undefined,
  refused: string | undefined,
  replacement: string | undefined,
): Omit<NodeStatus, 'changed'> {
  if (seen === undefined) {
    const silent = told(unreachable ?? 'not asked', hindrance)
    // Only who may have been the primary is replaced.
    const ways =
      replacement === undefined || !mayBePrimary(data)
        ? BRING_UP
        : `${BRING_UP}, or zx scripts/failover.ts makes ${replacement} the primary`
    const down = `its container is ${container?.state ?? 'absent'}`
    const whyDown = data === 'fenced' ? FENCED : hindrance ? told(down, hindrance) : `${down}; ${ways}`
    return { ...common(lab, node, container, silent, whyDown), trouble: hindrance ?? null, database: null }
  }
  const known = {
    timeline: seen.timeline,
    lsn: seen.lsn,
    delayedSeconds: seen.delayedSeconds,
    availableBytes: seen.room?.availableBytes ?? null,
    slots: seen.slots,
  }
  if (!seen.inRecovery) {
    const stale = primary && primary.node !== node
    const trouble = stale ? undefined : primaryTrouble(node, seen, refused)
    const problem = stale ? 'a primary on an older timeline: split brain' : told(null, trouble)
    return {
      ...common(lab, node, container, problem),
      trouble: trouble ?? null,
      warning: problem === null ? warningOf(seen) : null,
      database: { role: 'primary', upstream: null, ...known, ...NOT_A_STANDBY },
    }
  }
  const streaming = streams(node, seen, due)
  const trouble = hindrance ?? (streaming ? standbyTrouble(node, seen, due.upstream?.facts) : undefined)
  const problem = told(streaming ? null : 'not streaming from a primary', trouble)
  return {
    ...common(lab, node, container, problem),
    trouble: trouble ?? null,
    warning: problem === null ? standbyWarning(node, seen, due.upstream?.facts) : null,
    database: {
      ...{ role: 'standby', upstream: seen.upstream, ...known },
      ...{ ...lagOf(seen, primary), streaming, replayPaused: seen.replayPaused },
    },
  }
}

const NOT_A_STANDBY = { lagBytes: null, lagSeconds: null, streaming: null, replayPaused: false } as const

/** What was seen, and the cause if it is known. */
function told<Seen extends string | null>(seen: Seen, trouble: Trouble | undefined): string | Seen {
  if (trouble === undefined) return seen
  const known = `${trouble.says}; ${trouble.fix}`
  return seen === null ? known : `${seen}: ${known}`
}

/** A standby that has replayed everything has no lag, however old the last transaction is. */
function lagOf(seen: Facts, primary: Answering | undefined) {
  if (primary === undefined || primary.facts.lsn === null || seen.lsn === null)
    return { lagBytes: null, lagSeconds: null }
  const behind = Number(bytesOf(primary.facts.lsn) - bytesOf(seen.lsn))
  if (behind <= 0) return { lagBytes: 0, lagSeconds: 0 }
  return { lagBytes: behind, lagSeconds: seen.replayAgeSeconds }
}

function frontNode(
  lab: Lab,
  node: Node,
  container: Container | undefined,
  answer: string | undefined,
  refused: string | undefined,
): Omit<NodeStatus, 'changed'> {
  const cannot = refused === undefined ? null : `it can cast no vote: ${refused}`
  return { ...common(lab, node, container, answer === 'SERVING' ? cannot : (answer ?? 'not asked')), database: null }
}
