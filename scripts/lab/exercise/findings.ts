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
    if (!node?.database) return { ok: false, seen: `${name}: ${node?.problem ?? 'not there'}` }
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
    const { replayPaused, lagBytes } = database
    if (replayPaused) return { ok: false, seen: 'its replay is paused' }
    return {
      ok: lagBytes === 0,
      seen: lagBytes === null ? 'there is no primary to compare with' : `${lagBytes} bytes behind`,
    }
  })

/** A node that was left behind cannot become a second primary: it is fenced, or a standby by now. */
export const cannotComeBack = (stage: Stage, name: DatabaseName): Promise<Finding> =>
  finding(`${name} is fenced: started as it is, it cannot become a second primary`, STATUS, async () => {
    const node = await nodeOf(stage, name)
    const seen = node?.problem ?? `a ${node?.database?.role ?? 'node that is absent'}`
    return { ok: seen.startsWith('fenced') || node?.database?.role === 'standby', seen }
  })

/** Calls after which a balancer in turn has met everybody. */
const CALLS = 6

/** The balancer passes calls to both servers. */
export const isBalanced = (stage: Stage): Promise<Finding> =>
  finding('the balancer sends calls to both servers', 'the header x-served-by; docker logs loader', async () => {
    const reached = new Set<string>()
    // More than two, in turn: calls of others, health checks for example, take their places between these.
    for (let call = 0; call < CALLS; call++) {
      const seen = await stage.probeWrites('loader')
      reached.add('problem' in seen ? seen.problem : seen.servedBy)
    }
    return { ok: reached.has('primary') && reached.has('backup'), seen: `answers from ${[...reached].join(', ')}` }
  })

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
  { only = false }: { readonly only?: boolean } = {},
): Promise<Finding> => {
  const list = votesInWords(wanted)
  const expected = `${node} holds ${only ? 'these votes and no others' : 'these votes'}: ${list}`
  return finding(expected, `psql in ${node}: the tables poll and vote`, async () => {
    const held = await stage.votesOn(node, poll)
    const ok = Object.entries(wanted).every(([user, option]) => held[user] === option)
    const more = only && Object.keys(held).some((user) => !(user in wanted))
    return { ok: ok && !more, seen: votesInWords(held) || 'no votes in this poll' }
  })
}

/** The level that commits are acknowledged at is one of these. */
export const hasLevel = (stage: Stage, ...levels: readonly Level[]): Promise<Finding> =>
  finding(`durability is ${levels.join(' or ')}`, 'zx scripts/replication.ts', async () => {
    const { level, settings } = await stage.replication()
    const seen = level ?? `none of the four levels (${JSON.stringify(settings)})`
    return { ok: level !== null && levels.includes(level), seen }
  })

/** The learner's answer, held against what is true. */
export async function answered(
  expected: string,
  where: string,
  answer: string | undefined,
  isRight: (answer: string) => Promise<boolean> | boolean,
): Promise<Finding> {
  if (answer === undefined)
    return { expected, where, ok: false, seen: 'no answer: zx scripts/exercise.ts check --answer "…"' }
  return finding(expected, where, async () => ({ ok: await isRight(answer), seen: `the answer "${answer}"` }))
}

/** Names in an answer, however they are separated, in order. */
export const namesIn = (answer: string): readonly string[] => [...new Set(answer.match(/[\w-]+/g) ?? [])].sort()

export const votesInWords = (votes: Votes): string =>
  Object.entries(votes)
    .map(([user, option]) => `${user} ${option}`)
    .sort()
    .join(', ')
