import { containersOf } from '../../docker/nodes.ts'
import { LabError } from '../../errors.ts'
import type { Position } from '../../postgres/observe.ts'
import { type Observer, openObserver, positionOver, REOPEN_SECONDS } from '../../postgres/observer.ts'
import { keptSession, openSessionAcross } from '../../postgres/session.ts'
import type { Round } from '../../rules/suspicion.ts'
import { healthOf } from '../../service/health.ts'
import { type DatabaseNode, endpointOf, type Lab, othersOf } from '../../topology/topology.ts'

/** Seconds, before `patience`, that an answer may take: only this shows a frozen host, which still accepts connections. */
export const ANSWER_SECONDS = 0.3

/** The primary that is watched, and the standby that would be promoted. */
export type Pair = { readonly primary: DatabaseNode | undefined; readonly standby: DatabaseNode | undefined }

/** A standby that others follow, and that does not run: the state of its container. */
export type Gone = { readonly node: DatabaseNode; readonly down: string }

/** One round of probes: the present roles, what was seen of the primary, and a standby that others miss. */
export type Probed = { readonly pair: Pair; readonly seen: Omit<Round, 'busy'>; readonly gone: Gone | undefined }

export type Probes = {
  /** The sessions of the probes; a failover may use them too. */
  readonly observer: Observer
  /**
   * Asks all nodes once; `last` are the roles so far. If the primary failed before, the engine is asked first: if its
   * container does not run, nothing waits for an answer of it.
   */
  readonly round: (last: Pair, inDoubt: boolean, seconds?: number) => Promise<Probed>
  readonly end: () => void
}

/** Probes over sessions that stay open: a round takes three questions and starts no process. */
export function openProbes(lab: Lab): Probes {
  const { patience } = lab.settings
  const observer = openObserver(lab)
  const wayFrom = (from: DatabaseNode, to: DatabaseNode) => `${from.name} to ${to.name}`
  const across = new Map(
    lab.databases.flatMap((to) =>
      othersOf(lab, to).map((from) => [
        wayFrom(from, to),
        keptSession(() => openSessionAcross(from, to), REOPEN_SECONDS),
      ]),
    ),
  )

  async function round(last: Pair, inDoubt: boolean, seconds = ANSWER_SECONDS): Promise<Probed> {
    const known = inDoubt && last.primary ? await whetherUp(lab, last.primary) : UP
    const isDown = (node: DatabaseNode) => known.down !== undefined && node === last.primary
    const viewed = last.primary && last.standby && across.get(wayFrom(last.standby, last.primary))
    const [overNetwork, ...answers] = await Promise.all([
      viewed && known.down === undefined ? positionOver(viewed, seconds * patience) : undefined,
      ...lab.databases.map((node) =>
        isDown(node) ? { unreachable: known.down ?? '' } : observer.position(node, seconds),
      ),
    ])
    const pair = pairOf(lab, last, answers)
    const inside = problemOf(answers[lab.databases.findIndex(({ name }) => name === pair.primary?.name)])
    const isSame = pair.primary !== undefined && pair.primary.name === last.primary?.name
    const unreached = isSame && pair.standby?.name === last.standby?.name ? problemOf(overNetwork) : undefined
    const asks = known.down === undefined && isSame && inside !== undefined
    const { down, returning } = asks ? await whetherUp(lab, pair.primary) : known
    const refused = down === undefined && unreached !== undefined && (await writesAreRefused(lab, seconds * patience))
    const gone = await goneAmong(lab, pair, answers)
    return {
      pair,
      gone,
      seen: { at: performance.now(), down, returning, inside, across: unreached, writesRefused: refused },
    }
  }

  return {
    observer,
    round,
    end: () => {
      observer.end()
      for (const { end } of across.values()) end()
    },
  }
}

type Asked = Position | { readonly unreachable: string }

const problemOf = (asked: Asked | undefined): string | undefined =>
  asked !== undefined && 'unreachable' in asked ? asked.unreachable : undefined

/** A primary that does not answer is watched further, until there is another one. */
function pairOf(lab: Lab, last: Pair, answers: readonly (Asked | undefined)[]): Pair {
  const roles = lab.databases.flatMap((node, index) => {
    const asked = answers[index]
    return asked === undefined || 'unreachable' in asked ? [] : [{ node, ...asked }]
  })
  const [newest] = roles.filter(({ inRecovery }) => !inRecovery).sort((a, b) => (b.timeline ?? 0) - (a.timeline ?? 0))
  const standbys = roles.filter(({ inRecovery }) => inRecovery).map(({ node }) => node)
  const standby = standbys.find((node) => node === last.standby) ?? standbys[0]
  const known = newest?.node ?? last.primary
  const primary = known !== undefined && standbys.includes(known) ? undefined : known
  const silent = lab.databases.find((node) => roles.every((it) => it.node !== node))
  return { primary: primary ?? (standby && silent), standby }
}

/** A standby that does not answer and does not run, although others follow it. Nearly always there is none to ask about. */
async function goneAmong(lab: Lab, { primary }: Pair, answers: readonly Asked[]): Promise<Gone | undefined> {
  const isFollowed = ({ name }: DatabaseNode) =>
    answers.some((it) => 'upstream' in it && it.inRecovery && it.upstream === name)
  const missed = lab.databases.find(
    (node, index) => node !== primary && problemOf(answers[index]) !== undefined && isFollowed(node),
  )
  const down = missed && (await whetherUp(lab, missed)).down
  return missed && down !== undefined ? { node: missed, down } : undefined
}

/** Whether a database's container is down, and whether the engine brings it back, or did so a moment ago. */
type Standing = { readonly down: string | undefined; readonly returning: boolean }

const UP: Standing = { down: undefined, returning: false }

/** Seconds, before `patience`, in which a database that was started again recovers from its crash. */
const RECOVERS_SECONDS = 5

async function whetherUp(lab: Lab, node: DatabaseNode): Promise<Standing> {
  // If the engine does not answer, the state is unknown.
  const [container] = await containersOf(lab, [node]).catch((error: unknown) => {
    if (error instanceof LabError) return []
    throw error
  })
  if (container === undefined) return UP
  const { state, restarts, startedAt = '' } = container
  const runsFor = (Date.now() - Date.parse(startedAt)) / 1000
  const recovers = state === 'running' && restarts > 0 && runsFor < RECOVERS_SECONDS * lab.settings.patience
  return {
    down: state === 'running' ? undefined : `the container of ${node.name} is ${state}`,
    returning: state === 'restarting' || recovers,
  }
}

/** Whether all servers that answer say that they have no database to write to. */
async function writesAreRefused(lab: Lab, seconds: number): Promise<boolean> {
  const said = await Promise.all(
    lab.servers.map((server) => healthOf(endpointOf(lab, server) ?? '', seconds, 'polling.VoteService')),
  )
  return said.includes('NOT_SERVING') && !said.includes('SERVING')
}
