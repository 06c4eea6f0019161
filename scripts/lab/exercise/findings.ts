import { LabError } from '../errors.ts'
import type { Level } from '../rules/durability.ts'
import { DATABASE_NAMES, type DatabaseName, type NodeName, type ServerName } from '../topology/topology.ts'
import type { NodeStatus } from '../verbs/node-status.ts'
import type { Finding } from './exercise.ts'
import type { Stage, Votes } from './stage.ts'

const STATUS = 'zx scripts/status.ts'

/** The result of a look: whether it is as expected, and what was seen. */
export type Seen = Pick<Finding, 'ok' | 'seen' | 'final'>

/** Looks and reports. If a node does not answer, that is not as expected. */
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

/** One database is the primary, and the other one follows it. */
export const isPair = (stage: Stage): Promise<Finding> =>
  finding('one database is the primary, and the other one streams from it', STATUS, async () => {
    const { primaries, nodes } = await stage.status()
    const standby = DATABASE_NAMES.find((name) =>
      nodes.some((node) => node.name === name && node.database?.role === 'standby' && node.database.streaming === true),
    )
    const seen = primaries.length === 0 ? 'no database is a primary' : `primary: ${primaries.join(' and ')}`
    if (primaries.length !== 1 || standby === undefined)
      return { ok: false, seen: standby ? seen : `${seen}; no standby streams` }
    const arrives = await arrivesAt(stage, standby)
    return { ok: arrives, seen: arrives ? seen : `${seen}; ${CUT_OFF}` }
  })

/** This node is the only primary. */
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
    if (role !== 'standby') return { ok: false, seen: `a ${role}` }
    if (streaming !== true) return { ok: false, seen: 'a standby that streams from nobody' }
    const arrives = await arrivesAt(stage, name)
    return { ok: arrives, seen: arrives ? 'a standby that streams' : CUT_OFF }
  })

/** One of these databases is the primary, and all others of them are standbys that get what it writes. */
export const isGroup = (stage: Stage, ...names: readonly DatabaseName[]): Promise<Finding> =>
  finding(`one of ${names.join(', ')} is the primary, and the others stream from it`, STATUS, async () => {
    const { primaries, nodes } = await stage.status()
    const [primary] = primaries
    if (primary === undefined) return { ok: false, seen: 'no database is a primary' }
    if (primaries.length > 1 || !names.includes(primary))
      return { ok: false, seen: `primary: ${primaries.join(' and ')}` }
    const others = names.filter((name) => name !== primary)
    const reached = await Promise.all(
      others.map(async (name) => {
        const answers = nodes.some((node) => node.name === name && node.database !== null)
        return answers && (await stage.passesOn(primary, name, TURN_SECONDS))
      }),
    )
    const lacking = others.filter((_, nth) => !reached[nth])
    const seen = `primary: ${primary}${lacking.length === 0 ? '' : `; it does not reach ${lacking.join(' and ')}`}`
    return { ok: lacking.length === 0, seen }
  })

/** Seconds, before `patience`, for a standby that was just pointed at the primary: it may still try to reach the one before. */
const TURN_SECONDS = 8

/** Both sides believe in a connection that was cut for some seconds more, so it is tried. */
async function arrivesAt(stage: Stage, standby: DatabaseName): Promise<boolean> {
  const { primaries } = await stage.status()
  const [primary] = primaries
  return primary === undefined || stage.passesOn(primary, standby)
}

const CUT_OFF = 'what the primary writes now does not reach the standby'

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

/** A node that was left behind cannot become a second primary: it is fenced, or it is a standby now. */
export const cannotComeBack = (stage: Stage, name: DatabaseName): Promise<Finding> =>
  finding(`${name} cannot become a second primary, whoever starts it`, STATUS, async () => {
    const node = await nodeOf(stage, name)
    if (node?.database) return { ok: node.database.role === 'standby', seen: `it is a ${node.database.role}` }
    // If somebody has tried to start it, the engine tries again and again.
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

/** After this many calls the balancer has used every server. */
const CALLS = 6

/** The balancer passes calls to both servers. */
export const isBalanced = (stage: Stage): Promise<Finding> =>
  finding(
    'the balancer sends calls to both servers',
    `${stage.type.docker('logs', 'loader')}: upstream says who took each call`,
    async () => {
      const reached = new Set<string>()
      // More than two: calls of others, such as health checks, come in between.
      for (let call = 0; call < CALLS; call++) {
        const seen = await stage.probeWrites('loader')
        reached.add('problem' in seen ? seen.problem : seen.servedBy)
      }
      return { ok: reached.has('primary') && reached.has('backup'), seen: `answers from ${[...reached].join(', ')}` }
    },
  )

/** Every node is healthy. If one is not, the learner has to find out which. */
export const allHealthy = (stage: Stage): Promise<Finding> =>
  finding('every node is healthy', STATUS, async () => {
    const { nodes } = await stage.status()
    const healthy = nodes.filter((node) => node.healthy).length
    return { ok: healthy === nodes.length, seen: `${healthy} of ${nodes.length} are` }
  })

/** The container of a node does not run. */
export const isDown = (stage: Stage, name: NodeName): Promise<Finding> =>
  finding(`${name} stays down`, STATUS, async () => {
    const state = (await nodeOf(stage, name))?.state ?? 'absent'
    return { ok: ['absent', 'created', 'exited'].includes(state), seen: `its container is ${state}` }
  })

/** A write through each of these is acknowledged. */
export const takesVotes = (stage: Stage, ...servers: readonly ServerName[]): Promise<Finding> =>
  finding(
    `${servers.join(' and ')} ${servers.length === 1 ? 'takes' : 'take'} votes`,
    'zx scripts/poll.ts vote, with --at for one server',
    async () => {
      const seen = await Promise.all(servers.map(stage.probeWrites))
      const problems = seen.flatMap((it, nth) => ('problem' in it ? [`${servers[nth]}: ${it.problem}`] : []))
      return { ok: problems.length === 0, seen: problems.join('; ') || 'each takes them' }
    },
  )

/** What a check can say of the votes that a database holds. */
export type VotesWanted = {
  /** No other votes may be there. */
  readonly only?: boolean
  /** What to call the votes if their names would say too much. */
  readonly told?: string
  /** They are cast through the service, where no vote can be changed: a wrong vote is final. */
  readonly cast?: boolean
}

/** A database holds these votes. Others may be there too, unless `only` is set. */
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

/** The poll of the exercise was deleted by a reset, or with the data of both databases. */
const POLL_GONE: Seen = { ok: false, seen: 'the poll of this exercise has been deleted', final: true }

/** Compares the votes there with the wanted ones. `wrong`: a vote is there that should be different or absent. */
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

/** The durability level is one of these. `told`: what the level does, if its name would say too much. */
export const hasLevel = (stage: Stage, told: string, ...levels: readonly Level[]): Promise<Finding> =>
  finding(`the durability level in force ${told}`, 'zx scripts/replication.ts', async () => {
    const { level, settings, primary } = await stage.replication()
    const { synchronous_commit, synchronous_standby_names } = settings
    const none = `none of the four levels: synchronous_commit = ${synchronous_commit}, synchronous_standby_names = '${synchronous_standby_names}'`
    const others = await stage.ask(primary, OVERRIDES)
    if (others !== '')
      return { ok: false, seen: `not in the sessions of the servers: ${others.replaceAll('\n', ', ')}` }
    return { ok: level !== null && levels.includes(level), seen: level ?? none }
  })

/** Settings of the servers' sessions that go before those of the whole server, and wait for less. */
const OVERRIDES = `select config from pg_db_role_setting, unnest(setconfig) as config
  where setrole in (0, 'service'::regrole) and config ~ '^synchronous_commit=(?!on|true|yes|1|remote_apply)'`

/** Compares the learner's answer with what is true. */
export async function answered(
  expected: string,
  where: string,
  answer: string | undefined,
  /** Whether it is true, or why that cannot be said. */
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

/** The names in an answer, however they are separated, in order, without other words and without votes. */
export const namesIn = (answer: string, options: readonly string[] = []): readonly string[] => {
  const words = answer.toLowerCase().match(/[\w-]+/g) ?? []
  const others = new Set([...FILLERS, ...options.map((option) => option.toLowerCase())])
  return [...new Set(words)].filter((word) => !others.has(word)).sort()
}

/** What people put around names. */
const FILLERS = 'and are both from gone is lost of only s that the their vote voters votes were whose'.split(' ')

export const votesInWords = (votes: Votes): string =>
  Object.entries(votes)
    .map(([user, option]) => `${user} ${option}`)
    .sort()
    .join(', ')
