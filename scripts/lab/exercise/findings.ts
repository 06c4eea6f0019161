import { LabError } from '../errors.ts'
import type { Level } from '../rules/durability.ts'
import type { DatabaseName, NodeName, ServerName } from '../topology/topology.ts'
import type { NodeStatus } from '../verbs/status.ts'
import type { Finding } from './exercise.ts'
import type { Stage, Votes } from './stage.ts'

const STATUS = 'zx scripts/status.ts'

/** What a look found: whether it is as expected, and what was seen. */
export type Seen = Pick<Finding, 'ok' | 'seen' | 'final'>

/** Looks, and reports; a node that does not answer was not as expected. */
export async function finding(expected: string, where: string, look: () => Promise<Seen>): Promise<Finding> {
  try {
    return { expected, where, ...(await look()) }
  } catch (error) {
    if (error instanceof LabError) return { expected, where, ok: false, seen: `${error.code}: ${error.message}` }
    throw error
  }
}

const nodeOf = async (stage: Stage, name: NodeName): Promise<NodeStatus | undefined> =>
  (await stage.status()).nodes.find((node) => node.name === name)

/** One of the two is the primary, and the other one follows it. */
export const isPair = (stage: Stage): Promise<Finding> =>
  finding('one database is the primary, and the other one streams from it', STATUS, async () => {
    const { primaries, nodes } = await stage.status()
    const streams = nodes.some(({ database }) => database?.role === 'standby' && database.streaming === true)
    const seen = primaries.length === 0 ? 'no database is a primary' : `primary: ${primaries.join(' and ')}`
    return { ok: primaries.length === 1 && streams, seen: streams ? seen : `${seen}; no standby streams` }
  })

/** This node is the one primary, and no other thinks that it is. */
export const isPrimary = (stage: Stage, name: DatabaseName): Promise<Finding> =>
  finding(`${name} is the primary, and the only one`, STATUS, async () => {
    const { primaries } = await stage.status()
    const seen = primaries.length === 0 ? 'no database is a primary' : `primary: ${primaries.join(' and ')}`
    return { ok: primaries.length === 1 && primaries[0] === name, seen }
  })

/** This node is a standby, and what the primary writes arrives. */
export const isStandby = (stage: Stage, name: DatabaseName, where = STATUS): Promise<Finding> =>
  finding(`${name} is a standby that streams from the primary`, where, async () => {
    const node = await nodeOf(stage, name)
    if (!node?.database) return { ok: false, seen: `${name}: ${node?.problem?.split(';')[0] ?? 'not there'}` }
    const { role, streaming } = node.database
    return {
      ok: role === 'standby' && streaming === true,
      seen: role === 'standby' ? `a standby that ${streaming ? 'streams' : 'streams from nobody'}` : `a ${role}`,
    }
  })

/** The standby shows everything that the primary has. */
export const showsAll = (stage: Stage, name: DatabaseName): Promise<Finding> =>
  finding(`${name} shows all that the primary has`, STATUS, async () => {
    const database = (await nodeOf(stage, name))?.database
    if (!database) return { ok: false, seen: `${name} does not answer` }
    const { lagBytes } = database
    return {
      ok: lagBytes === 0,
      seen: lagBytes === null ? 'there is no primary to compare with' : `it is ${lagBytes} bytes behind`,
    }
  })

/** A node that was left behind cannot become a second primary: it is fenced, or a standby by now. */
export const cannotComeBack = (stage: Stage, name: DatabaseName): Promise<Finding> =>
  finding(`${name} cannot become a second primary, whoever starts it`, STATUS, async () => {
    const node = await nodeOf(stage, name)
    if (node?.database) return { ok: node.database.role === 'standby', seen: `it is a ${node.database.role}` }
    // The engine tries to start it again and again, once somebody has tried the fence.
    const ended = node !== undefined && ['created', 'exited', 'restarting'].includes(node.state)
    if (!ended) return { ok: false, seen: `its container is ${node?.state}` }
    const next = await stage.nextStart(name)
    return {
      ok: next !== 'primary',
      seen: { fenced: 'fenced', standby: 'a standby when it starts', primary: 'when it starts, it is a primary again' }[
        next
      ],
    }
  })

/** Calls after which a balancer in turn has met everybody. */
const CALLS = 6

/** The balancer passes calls to both servers. */
export const isBalanced = (stage: Stage): Promise<Finding> =>
  finding(
    'the balancer sends calls to both servers',
    `${stage.type.docker('logs', 'loader')}: upstream says who took each call`,
    async () => {
      const reached = new Set<string>()
      // More than two, in turn: calls of others, health checks for example, take their places between these.
      for (let call = 0; call < CALLS; call++) {
        const seen = await stage.probeWrites('loader')
        reached.add('problem' in seen ? seen.problem : seen.servedBy)
      }
      return { ok: reached.has('primary') && reached.has('backup'), seen: `answers from ${[...reached].join(', ')}` }
    },
  )

/** Every node is up and fit to be used; which one is not is for the learner to find. */
export const allHealthy = (stage: Stage): Promise<Finding> =>
  finding('every node is healthy', STATUS, async () => {
    const { nodes } = await stage.status()
    const healthy = nodes.filter((node) => node.healthy).length
    return { ok: healthy === nodes.length, seen: `${healthy} of ${nodes.length} are` }
  })

/** Somebody's container does not run. */
export const isDown = (stage: Stage, name: NodeName): Promise<Finding> =>
  finding(`${name} stays down`, STATUS, async () => {
    const state = (await nodeOf(stage, name))?.state ?? 'absent'
    return { ok: ['absent', 'created', 'exited'].includes(state), seen: `its container is ${state}` }
  })

/** A write through each of these is acknowledged. */
export const takesVotes = (stage: Stage, ...servers: readonly ServerName[]): Promise<Finding> =>
  finding(
    `votes are taken by ${servers.join(' and ')}`,
    'zx scripts/poll.ts vote, with --at for one server',
    async () => {
      const seen = await Promise.all(servers.map(stage.probeWrites))
      const problems = seen.flatMap((it, nth) => ('problem' in it ? [`${servers[nth]}: ${it.problem}`] : []))
      return { ok: problems.length === 0, seen: problems.join('; ') || 'each takes them' }
    },
  )

/** What a check can say of the votes that a database holds. */
export type VotesWanted = {
  /** No others. */
  readonly only?: boolean
  /** What they are called where naming them would say too much. */
  readonly told?: string
  /** They are cast through the service, which lets nobody change a vote: a wrong one is final. */
  readonly cast?: boolean
}

/** A database holds these votes; others may be there too, unless `only` these are to be. */
export const holdsVotes = (
  stage: Stage,
  node: DatabaseName,
  poll: string,
  wanted: Votes,
  { only = false, told, cast = false }: VotesWanted = {},
): Promise<Finding> => {
  const named = `${only ? 'these votes and no others' : 'these votes'}: ${votesInWords(wanted)}`
  const expected = `${node} holds ${told ?? named}`
  return finding(expected, `the tables poll and vote: ${stage.type.session(node)}`, async () => {
    const held = await stage.votesOn(node, poll)
    const { ok, seen, wrong } = compareVotes(held, wanted, { only, named: told === undefined })
    if (ok || !(await stage.hasPoll(poll))) return ok ? { ok, seen } : POLL_GONE
    return { ok, seen, final: cast && wrong }
  })
}

/** The poll of the exercise went with a reset, or with the data of both databases. */
const POLL_GONE: Seen = { ok: false, seen: 'the poll of this exercise has been deleted', final: true }

/** Held votes against those that are wanted; `wrong` where one is there that should be another, or should not be. */
export function compareVotes(
  held: Votes,
  wanted: Votes,
  { only, named }: { readonly only: boolean; readonly named: boolean },
): Seen & { readonly wrong: boolean } {
  const users = Object.keys(wanted)
  const missing = users.filter((user) => held[user] === undefined).length
  const others = users.filter((user) => held[user] !== undefined && held[user] !== wanted[user]).length
  const more = only ? Object.keys(held).filter((user) => !(user in wanted)).length : 0
  const counts = [
    ...(missing === 0 ? [] : [`${votesCounted(missing)} missing`]),
    ...(others === 0
      ? []
      : [others === 1 ? '1 vote is not what it should be' : `${others} votes are not what they should be`]),
    ...(more === 0 ? [] : [`${votesCounted(more)} too many`]),
  ]
  const seen = named ? votesInWords(held) || 'no votes in this poll' : counts.join(', ') || 'all of them'
  return { ok: counts.length === 0, seen, wrong: others + more > 0 }
}

const votesCounted = (count: number): string => (count === 1 ? '1 vote is' : `${count} votes are`)

/** The level that commits are acknowledged at is one of these; `told`: what it does where naming it would say too much. */
export const hasLevel = (stage: Stage, told: string, ...levels: readonly Level[]): Promise<Finding> =>
  finding(`the durability level in force ${told}`, 'zx scripts/replication.ts', async () => {
    const { level, settings } = await stage.replication()
    const { synchronous_commit, synchronous_standby_names } = settings
    const none = `none of the four levels: synchronous_commit = ${synchronous_commit}, synchronous_standby_names = '${synchronous_standby_names}'`
    return { ok: level !== null && levels.includes(level), seen: level ?? none }
  })

/** The learner's answer, held against what is true. */
export async function answered(
  expected: string,
  where: string,
  answer: string | undefined,
  /** Whether it is true, or what hinders to say. */
  isRight: (answer: string) => Promise<boolean | string> | boolean | string,
): Promise<Finding> {
  if (answer === undefined)
    return { expected, where, ok: false, seen: 'no answer: zx scripts/exercise.ts check --answer "…"' }
  return finding(expected, where, async () => {
    const right = await isRight(answer)
    const seen = `the answer "${answer}"`
    return typeof right === 'string' ? { ok: false, seen: `${seen}; ${right}` } : { ok: right, seen }
  })
}

/** Names in an answer, however they are separated, in order; without what belongs to a sentence and to their votes. */
export const namesIn = (answer: string, options: readonly string[] = []): readonly string[] => {
  const words = answer.toLowerCase().match(/[\w-]+/g) ?? []
  const others = new Set(['and', ...options.map((option) => option.toLowerCase())])
  return [...new Set(words)].filter((word) => !others.has(word)).sort()
}

export const votesInWords = (votes: Votes): string =>
  Object.entries(votes)
    .map(([user, option]) => `${user} ${option}`)
    .sort()
    .join(', ')
