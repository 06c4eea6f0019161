import { containersOf } from '../../docker/nodes.ts'
import { LabError } from '../../errors.ts'
import { keptSession, openSession, openSessionAcross, type Session } from '../../postgres/session.ts'
import type { Round } from '../../rules/suspicion.ts'
import { healthOf } from '../../service/health.ts'
import { type DatabaseNode, endpointOf, type Lab, othersOf } from '../../topology/topology.ts'
import { type Sessions, sessionOf } from './means.ts'

/** Seconds, before `patience`, that an answer may take: only this shows a frozen host, which still accepts connections. */
export const ANSWER_SECONDS = 0.3
/** Seconds until a session that has ended is opened again. */
const REOPEN_SECONDS = 1

/** The primary that is watched, and the standby that would be promoted. */
export type Pair = { readonly primary: DatabaseNode | undefined; readonly standby: DatabaseNode | undefined }

/** One round of probes: the present roles, and what was seen of the primary. */
export type Probed = { readonly pair: Pair; readonly seen: Omit<Round, 'busy'> }

export type Probes = {
  /** Sessions in both databases; a failover may use them too. */
  readonly sessions: Sessions
  /**
   * Asks all nodes once; `last` are the roles so far. If the primary failed before, the engine is asked first: if its
   * container does not run, nothing waits for an answer of it.
   */
  readonly round: (last: Pair, inDoubt: boolean, seconds?: number) => Promise<Probed>
  readonly end: () => void
}

// Whether it takes writes, and on which timeline.
const ROLE = `
  select pg_is_in_recovery(),
    case when not pg_is_in_recovery() then ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end`

/** Probes over sessions that stay open: a round takes three questions and starts no process. */
export function openProbes(lab: Lab): Probes {
  const { patience } = lab.settings
  const sessions = new Map(
    lab.databases.map((node) => [node.name, keptSession(() => openSession(node), REOPEN_SECONDS)]),
  )
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
    const known = inDoubt && last.primary ? await downBy(lab, last.primary) : undefined
    const asked = async (node: DatabaseNode, session: Session | undefined): Promise<Asked> =>
      known !== undefined && node.name === last.primary?.name
        ? { problem: known }
        : askedOf(session, ROLE, seconds * patience)
    const [overNetwork, ...answers] = await Promise.all([
      last.primary && last.standby && asked(last.primary, across.get(wayFrom(last.standby, last.primary))),
      ...lab.databases.map((node) => asked(node, sessionOf({ sessions }, node))),
    ])
    const pair = pairOf(lab, last, answers)
    const inside = problemOf(answers[lab.databases.findIndex(({ name }) => name === pair.primary?.name)])
    const isSame = pair.primary !== undefined && pair.primary.name === last.primary?.name
    const unreached = isSame && pair.standby?.name === last.standby?.name ? problemOf(overNetwork) : undefined
    const down = known ?? (isSame && inside !== undefined ? await downBy(lab, pair.primary) : undefined)
    const refused = down === undefined && unreached !== undefined && (await writesAreRefused(lab, seconds * patience))
    return { pair, seen: { at: performance.now(), down, inside, across: unreached, writesRefused: refused } }
  }

  return {
    sessions,
    round,
    end: () => {
      for (const session of [...sessions.values(), ...across.values()]) session.end()
    },
  }
}

type Asked = { readonly rows: string } | { readonly problem: string }

const askedOf = async (session: Session | undefined, query: string, seconds: number): Promise<Asked> => {
  try {
    return { rows: (await session?.run(query, seconds)) ?? '' }
  } catch (error) {
    if (error instanceof LabError) return { problem: error.message }
    throw error
  }
}

const problemOf = (asked: Asked | undefined): string | undefined =>
  asked !== undefined && 'problem' in asked ? asked.problem : undefined

/** A primary that does not answer is watched further, until there is another one. */
function pairOf(lab: Lab, last: Pair, answers: readonly (Asked | undefined)[]): Pair {
  const roles = lab.databases.flatMap((node, index) => {
    const asked = answers[index]
    if (asked === undefined || 'problem' in asked) return []
    const [recovering, timeline] = asked.rows.split('|')
    return [{ node, standby: recovering === 't', timeline: Number(timeline) }]
  })
  const [newest] = roles.filter(({ standby }) => !standby).sort((a, b) => b.timeline - a.timeline)
  const standbys = roles.filter((it) => it.standby).map(({ node }) => node)
  const standby = standbys.find((node) => node === last.standby) ?? standbys[0]
  const known = newest?.node ?? last.primary
  const primary = known !== undefined && standbys.includes(known) ? undefined : known
  const silent = lab.databases.find((node) => roles.every((it) => it.node !== node))
  return { primary: primary ?? (standby && silent), standby }
}

async function downBy(lab: Lab, node: DatabaseNode): Promise<string | undefined> {
  // If the engine does not answer, the state is unknown.
  const [container] = await containersOf(lab, [node]).catch((error: unknown) => {
    if (error instanceof LabError) return []
    throw error
  })
  const state = container?.state ?? 'running'
  return state === 'running' ? undefined : `the container of ${node.name} is ${state}`
}

/** Whether all servers that answer say that they have no database to write to. */
async function writesAreRefused(lab: Lab, seconds: number): Promise<boolean> {
  const said = await Promise.all(
    lab.servers.map((server) => healthOf(endpointOf(lab, server) ?? '', seconds, 'polling.VoteService')),
  )
  return said.includes('NOT_SERVING') && !said.includes('SERVING')
}
