import type { Container, ContainerState } from '../docker/nodes.ts'
import { bytesOf } from '../lsn.ts'
import type { Data } from '../postgres/data.ts'
import type { Facts } from '../postgres/observe.ts'
import type { Answering, Sight } from '../postgres/sights.ts'
import { mayBePrimary } from '../rules/failover-plan.ts'
import { follows, type Hindrance, type Trouble } from '../rules/hindrance.ts'
import { primaryTrouble, standbyTrouble, standbyWarning, warningOf } from '../rules/trouble.ts'
import type { Due } from '../rules/upstreams.ts'
import { type DatabaseNode, endpointOf, type Lab, type Node, type NodeName } from '../topology/topology.ts'

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
  /** Memory that it uses; null if it does not run, or if nobody asked. */
  readonly memoryBytes: number | null
  /** How its container differs from what the lab made; setup repairs that. */
  readonly changed: readonly string[]
  readonly database: DatabaseStatus | null
}

const BRING_UP = 'zx scripts/setup.ts brings it up'
const FENCED = 'fenced: a failover left it behind; zx scripts/rejoin.ts brings it back'
const FENCED_ALONE =
  'fenced: a failover left it behind, or a verb that was interrupted; run that verb again, or start the new primary (zx scripts/setup.ts); then zx scripts/rejoin.ts brings this one back'
const RESTORING = 'a restore of it was interrupted; run that again, or zx scripts/setup.ts goes on with it'

/** Without a primary, what leads to no database that answers brings nothing any more. */
export const streams = ({ name }: DatabaseNode, own: Facts, { upstream, lost }: Due): boolean =>
  (upstream !== undefined || lost === undefined) && follows(name, own, upstream?.facts)

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
    memoryBytes: null as number | null,
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

/** What a database is and does, and why it is not healthy. `replacement`: the standby that a failover would promote. */
export function databaseNode(
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
    const fenced = primary === undefined ? FENCED_ALONE : FENCED
    const whyDown =
      data === 'fenced'
        ? fenced
        : data === 'restoring'
          ? RESTORING
          : hindrance
            ? told(down, hindrance)
            : `${down}; ${ways}`
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

/** The same of a server, the balancer or a store. `answer`: what its health check said; `refused`: why it casts no vote. */
export function frontNode(
  lab: Lab,
  node: Node,
  container: Container | undefined,
  answer: string | undefined,
  refused: string | undefined,
): Omit<NodeStatus, 'changed'> {
  const cannot = refused === undefined ? null : `it can cast no vote: ${refused}`
  return { ...common(lab, node, container, answer === 'SERVING' ? cannot : (answer ?? 'not asked')), database: null }
}
