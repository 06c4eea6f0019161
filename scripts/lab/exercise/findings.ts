import type { Level } from '../decide/durability.ts'
import type { NodeStatus } from '../decide/status.ts'
import { LabError } from '../errors.ts'
import type { DatabaseName, NodeName, ServerName } from '../topology.ts'
import type { Finding } from './exercise.ts'
import type { Stage, Votes } from './stage.ts'

const STATUS = 'zx scripts/status.ts'

/** What a look found: whether it is as expected, and what was seen. */
export type Seen = { readonly ok: boolean; readonly seen: string }

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
export const isStandby = (stage: Stage, name: DatabaseName): Promise<Finding> =>
  finding(`${name} is a standby that streams from the primary`, STATUS, async () => {
    const node = await nodeOf(stage, name)
    if (!node?.database) return { ok: false, seen: `${name}: ${node?.problem?.split(';')[0] ?? 'not there'}` }
    const { role, streaming } = node.database
    return {
      ok: role === 'standby' && streaming === true,
      seen: role === 'standby' ? `a standby that ${streaming ? 'streams' : 'streams from nobody'}` : `a ${role}`,
    }
  })

/** What is seen of a standby that was told to stand still. */
export const REPLAY_PAUSED = 'its replay is paused'

/** The standby shows everything that the primary has. */
export const showsAll = (stage: Stage, name: DatabaseName): Promise<Finding> =>
  finding(`${name} shows all that the primary has`, STATUS, async () => {
    const database = (await nodeOf(stage, name))?.database
    if (!database) return { ok: false, seen: `${name} does not answer` }
    const { replayPaused, lagBytes } = database
    if (replayPaused) return { ok: false, seen: REPLAY_PAUSED }
    return {
      ok: lagBytes === 0,
      seen: lagBytes === null ? 'there is no primary to compare with' : `${lagBytes} bytes behind`,
    }
  })

/** A node that was left behind cannot become a second primary: it is fenced, or a standby by now. */
export const cannotComeBack = (stage: Stage, name: DatabaseName): Promise<Finding> =>
  finding(`${name} is fenced: started as it is, it cannot become a second primary`, STATUS, async () => {
    const node = await nodeOf(stage, name)
    if (node?.database?.role === 'standby') return { ok: true, seen: 'a standby' }
    const fenced = node?.problem?.startsWith('fenced') === true
    const bare = node?.database ? `a ${node.database.role}` : 'down, and not fenced: started, it is a primary again'
    return { ok: fenced, seen: fenced ? 'fenced' : bare }
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

/** A server is up and fit to be used. */
export const isHealthy = (stage: Stage, name: NodeName): Promise<Finding> =>
  finding(`${name} is healthy`, STATUS, async () => {
    const node = await nodeOf(stage, name)
    return { ok: node?.healthy === true, seen: node?.problem ?? 'healthy' }
  })

/** Somebody's container does not run. */
export const isDown = (stage: Stage, name: NodeName): Promise<Finding> =>
  finding(`${name} stays down`, STATUS, async () => {
    const state = (await nodeOf(stage, name))?.state ?? 'absent'
    return { ok: state === 'exited', seen: `its container is ${state}` }
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

/** A database holds these votes; others may be there too, unless `only` these are to be. */
export const holdsVotes = (
  stage: Stage,
  node: DatabaseName,
  poll: string,
  wanted: Votes,
  /** `only`: no others; `told`: what they are called where naming them would say too much. */
  { only = false, told }: { readonly only?: boolean; readonly told?: string } = {},
): Promise<Finding> => {
  const named = `${only ? 'these votes and no others' : 'these votes'}: ${votesInWords(wanted)}`
  const expected = `${node} holds ${told ?? named}`
  return finding(expected, `the tables poll and vote: ${stage.type.session(node)}`, async () => {
    const held = await stage.votesOn(node, poll)
    const missing = Object.entries(wanted).filter(([user, option]) => held[user] !== option)
    const more = only && Object.keys(held).some((user) => !(user in wanted))
    const seen =
      told === undefined
        ? votesInWords(held) || 'no votes in this poll'
        : missing.length === 0
          ? 'all of them'
          : `${missing.length} are missing, or not what they should be`
    return { ok: missing.length === 0 && !more, seen }
  })
}

/** The level that commits are acknowledged at is one of these; `told`: what they can where naming them would say too much. */
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
