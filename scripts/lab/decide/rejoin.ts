import { join } from 'node:path'
import { ask, change, observe } from '../access/database.ts'
import { writePrivately } from '../access/private-file.ts'
import { stateFolder } from '../access/secrets.ts'
import { type LostVote, votesMissing } from '../access/votes.ts'
import { act, attempt, type Tell } from '../engine/docker.ts'
import { noteForNextStart, noteOf } from '../engine/nodes.ts'
import { withStoppedData } from '../engine/reader.ts'
import { LabError, labError } from '../errors.ts'
import { exclusively } from '../lock.ts'
import { steps, tellOf } from '../show/steps.ts'
import type { DatabaseName, DatabaseNode, Lab } from '../topology.ts'
import { until } from '../wait.ts'
import {
  type Answering,
  lookAtDatabases,
  peerOf,
  primariesOf,
  type Sight,
  seenOf,
  splitBrain,
  standbysOf,
} from './databases.ts'
import { type Level, levelChosen, levelInForce } from './durability.ts'
import { fence, putDown } from './failover/fencing.ts'
import { slotStatements } from './failover/promotion.ts'
import { inForce, putLevel } from './replication.ts'

export type Rejoin = {
  readonly primary: DatabaseName
  readonly standby: DatabaseName
  /** `none` where it streamed already; `undone` where a failover had fenced it and promoted nobody. */
  readonly how: 'none' | 'rewound' | 'copied' | 'undone'
  /** Why it was copied where a rewind would have been less work. */
  readonly why: string | null
  /** Votes that only the node that rejoined had, and has no more; null where its data could not be read. */
  readonly divergedVotes: readonly LostVote[] | null
  /** Where those votes are kept. */
  readonly keptIn: string | null
  readonly level: Level
}

/**
 * Brings the database that is not the primary back as its standby, whatever became of it, and first lists the votes that
 * this throws away. Interrupted anywhere, the next run goes on from there.
 */
export const rejoin = (lab: Lab, copy: boolean): Promise<Rejoin> =>
  exclusively(lab, async () => {
    const sights = await lookAtDatabases(lab)
    const absent = sights.find(({ state }) => state === 'absent' || state === 'created')
    if (absent !== undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: absent.node.name })
    const [primary, second] = primariesOf(sights)
    if (primary === undefined) return undo(lab, sights)
    if (second !== undefined && second.facts.timeline === primary.facts.timeline) throw splitBrain(sights)
    const node = peerOf(lab, primary.node)
    const streams = primary.facts.standbys.some(({ name, state }) => name === node.name && state === 'streaming')
    return streams ? stays(lab, primary, node) : bringBack(lab, primary, node, copy)
  })

/** It streams already: all that may be missing is the level. */
async function stays(lab: Lab, primary: Answering, node: DatabaseNode): Promise<Rejoin> {
  await steps([
    { title: `${node.name} streams from ${primary.node.name} already`, task: () => {} },
    levelStep(lab, primary),
  ])
  return { ...outcome(primary, node), how: 'none' }
}

async function bringBack(lab: Lab, primary: Answering, node: DatabaseNode, copy: boolean): Promise<Rejoin> {
  let votes: readonly LostVote[] | null = null
  let keptIn: string | null = null
  let why: string | null = copy ? 'a copy was asked for' : null
  let how: 'rewound' | 'copied' = 'rewound'
  const before = await noteOf(node)
  // Another word, or the peer's name: an earlier rewind or copy of it did not end.
  const whole = before === undefined || before === node.name || ['fenced', 'keep', 'follow'].includes(before)
  if (!whole) why = 'an earlier rejoin ended half-way'
  await steps([
    { title: `Fence ${node.name}`, enabled: whole, task: (_, task) => fence(tellOf(task), lab, node) },
    {
      title: `List the votes that only ${node.name} has`,
      enabled: whole,
      task: async (_, task) => {
        votes = await divergedVotes(tellOf(task), lab, primary.node, node).catch((error) => {
          if (!(error instanceof LabError)) throw error
          task.output = error.message
          why = `its data cannot be opened: ${error.message}`
          return null
        })
        if (votes !== null && votes.length > 0) keptIn = await keep(lab, votes)
        task.title = `Votes that only ${node.name} has: ${votes?.length ?? 'unknown'}${keptIn === null ? '' : `, kept in ${keptIn}`}`
      },
    },
    {
      title: `Make its slot on ${primary.node.name}`,
      // pg_rewind reads the new timeline off the last checkpoint.
      task: (_, task) => change(tellOf(task), primary.node, ...slotStatements(node), 'checkpoint'),
    },
    {
      title: `Rewind or copy ${node.name}, and start it as a standby`,
      task: async (_, task) => {
        const since = new Date().toISOString()
        if (!whole) await putDown(tellOf(task), lab, node)
        await noteForNextStart(tellOf(task), node, why === null ? 'rewind' : 'copy')
        await act(tellOf(task), ['start', node.container])
        await streaming(lab, primary.node, node, 120)
        const log = await logSince(node, since)
        if (/^follow-anew: copied/m.test(log)) {
          how = 'copied'
          why ??= /^pg_rewind: (?:error|fatal): (.*)$/m.exec(log)?.[1] ?? 'pg_rewind failed'
        }
        task.title =
          how === 'rewound' ? `${node.name} was rewound, and streams` : `${node.name} was copied (${why}), and streams`
      },
    },
    levelStep(lab, primary),
  ])
  return { ...outcome(primary, node), how, why, divergedVotes: votes, keptIn }
}

const outcome = (primary: Answering, node: DatabaseNode) => ({
  primary: primary.node.name,
  standby: node.name,
  why: null,
  divergedVotes: [],
  keptIn: null,
  level: levelChosen(primary.facts),
})

const levelStep = (lab: Lab, { node, facts }: Answering) => ({
  title: `Restore the durability level ${levelChosen(facts)}`,
  enabled: levelInForce(facts) !== levelChosen(facts),
  task: async (_: unknown, task: { output: string }) => {
    await putLevel(tellOf(task), node, levelChosen(facts))
    await inForce(tellOf(task), lab, node, levelChosen(facts))
  },
})

const divergedVotes = (tell: Tell, lab: Lab, primary: DatabaseNode, node: DatabaseNode): Promise<readonly LostVote[]> =>
  withStoppedData(tell, lab, node, (there) => votesMissing((query) => ask(lab, primary, query), there))

/** Writes the votes where a crash of this command does not take them along. */
async function keep(lab: Lab, votes: readonly LostVote[]): Promise<string> {
  const file = join(stateFolder(lab), `diverged-votes-${new Date().toISOString().replaceAll(':', '-')}.json`)
  await writePrivately(file, `${JSON.stringify(votes, null, 2)}\n`)
  return file
}

/** Waits until a node streams from the primary. */
export const streaming = (lab: Lab, primary: DatabaseNode, node: DatabaseNode, seconds: number): Promise<void> =>
  until(`${node.name} to stream from ${primary.name}`, { seconds, patience: lab.settings.patience }, async () => {
    const facts = await observe(lab, primary)
    if ('unreachable' in facts) return { seen: `${primary.name}: ${facts.unreachable}` }
    if (facts.standbys.some(({ name, state }) => name === node.name && state === 'streaming'))
      return { done: undefined }
    return { seen: (await logSince(node, '5s')).split('\n').at(-1) ?? '' }
  })

async function logSince(node: DatabaseNode, since: string): Promise<string> {
  const { stdout, stderr } = await attempt(['logs', '--since', since, node.container])
  return `${stdout}\n${stderr}`.trim()
}

/** A failover ended between fencing and promoting: the fenced node is still the newest, so it comes back as it was. */
async function undo(lab: Lab, sights: readonly Sight[]): Promise<Rejoin> {
  const notes = await Promise.all(lab.databases.map(noteOf))
  // Started by hand it does not come up, and the engine tries again: for moments its container runs.
  const node = lab.databases.find((_, index) => notes[index] === 'fenced' && sights[index]?.facts === undefined)
  // Only a peer that says so was not promoted: one that does not answer may have gone down as the new primary.
  const standby = standbysOf(sights).find(({ node: { peer } }) => peer === node?.name)?.node
  if (node === undefined || standby === undefined) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  let primary: Answering | undefined
  await steps([
    {
      title: `Undo the fencing of ${node.name}: nothing was promoted`,
      task: async (_, task) => {
        await putDown(tellOf(task), lab, node)
        await noteForNextStart(tellOf(task), node, 'keep')
        await act(tellOf(task), ['start', node.container])
      },
    },
    {
      title: `Wait until ${standby.name} streams from it`,
      task: async () => {
        await streaming(lab, node, standby, 60)
        primary = primariesOf(await lookAtDatabases(lab))[0]
      },
    },
  ])
  if (primary === undefined) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  return { ...outcome(primary, standby), how: 'undone' }
}
