import { join } from 'node:path'
import { act, type Tell } from '../docker/docker.ts'
import { changing } from '../docker/leftovers.ts'
import { ABSENT, type Container, containersOf, hasFile, noteForNextStart, noteOf } from '../docker/nodes.ts'
import { withStoppedData } from '../docker/reader.ts'
import { LabError, labError } from '../errors.ts'
import { fence, putDown } from '../managers/scripted/fencing.ts'
import { restartServers } from '../managers/serving.ts'
import { dataOf, isHalfWay } from '../postgres/data.ts'
import { ask, type Facts } from '../postgres/database.ts'
import {
  type Answering,
  lookAtDatabases,
  peerOf,
  primariesOf,
  type Sight,
  seenOf,
  splitBrain,
  standbysOf,
} from '../postgres/sights.ts'
import { type LostVote, votesMissing } from '../postgres/votes.ts'
import { type Level, levelChosen, levelInForce } from '../rules/durability.ts'
import { type Hindrance, hasNothingOfItsOwn } from '../rules/hindrance.ts'
import { stateFolder } from '../state/folder.ts'
import { writePrivately } from '../state/private-file.ts'
import { steps, tellOf } from '../terminal/steps.ts'
import type { DatabaseName, DatabaseNode, Lab } from '../topology/topology.ts'
import { asPrimary, followNewPrimary, prepareFor, restoreLevel, streaming, untilFollows } from './following.ts'
import { hindranceSeen } from './hindrance-seen.ts'
import { IN_PLACE } from './mend.ts'

export type Rejoin = {
  readonly primary: DatabaseName
  readonly standby: DatabaseName
  /**
   * `none`: it streamed already. `mended`: its data could stay as it is. `undone`: a failover had fenced it, but had promoted
   * no standby.
   */
  readonly how: 'none' | 'mended' | 'rewound' | 'copied' | 'undone'
  /** What kept it from following, or why it was copied and not rewound. */
  readonly why: string | null
  /** Votes that only the rejoined node had, and that are now lost; null if they could not be read: then `why` says why. */
  readonly divergedVotes: readonly LostVote[] | null
  /** Where those votes are kept. */
  readonly keptIn: string | null
  readonly level: Level
}

export type RejoinOptions = {
  /** Copy without trying to rewind. */
  readonly copy: boolean
  /** Go on even if the lost votes cannot be listed. */
  readonly discard: boolean
}

/**
 * Brings the database that is not the primary back as a standby, whatever state it is in. First it lists the votes that are
 * lost by this. After an interruption the next run goes on.
 */
export const rejoin = (lab: Lab, options: RejoinOptions): Promise<Rejoin> =>
  changing(lab, async () => {
    const sights = await lookAtDatabases(lab)
    const absent = sights.find(({ state }) => state === 'absent')
    if (absent !== undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: absent.node.name })
    const [primary, second] = primariesOf(sights)
    if (primary === undefined) return undo(lab, sights, options)
    if (second !== undefined && second.facts.timeline === primary.facts.timeline) throw splitBrain(sights)
    const node = peerOf(lab, primary.node)
    await assertNewer(primary, node, sights)
    const own = sights.find((sight) => sight.node === node)
    if (streams(primary, sights, node) && own?.facts?.tooLow.length === 0) return stays(lab, primary, node)
    if (options.copy) return bringBack(lab, primary, node, options)
    const [container = ABSENT] = await containersOf(lab, [node])
    const hindrance = await hindranceSeen(lab, node, container, own?.facts, primary.facts)
    const mended = await mendInPlace(lab, primary, node, isLive(container, own?.facts) ? hindrance : undefined)
    if (mended.left === undefined) return { ...outcome(primary, node), how: 'mended', why: mended.why }
    return bringBack(lab, primary, node, options, reasonToCopy(mended.left, primary, own?.facts))
  })

/** Whether the cause still lasts. What ended a node may be mended by now, and a primary follows no other node. */
const isLive = ({ state }: Container, own: Facts | undefined): boolean =>
  own === undefined ? ['running', 'restarting'].includes(state) : own.inRecovery

/** Why only a copy helps, and whether the copy loses nothing. */
type ReasonToCopy = { readonly why: string; readonly losesNothing: boolean }

const reasonToCopy = (left: Hindrance | 'unknown', primary: Answering, own: Facts | undefined) =>
  left !== 'unknown' && left.mending === 'copy'
    ? { why: left.says, losesNothing: hasNothingOfItsOwn(primary, own) }
    : undefined

/**
 * Mends what keeps a database from following, one cause after the other, as long as its data can stay as it is. Gives the
 * cause that is left: `unknown` if something else is wrong, undefined if it follows.
 */
async function mendInPlace(
  lab: Lab,
  primary: Answering,
  node: DatabaseNode,
  found: Hindrance | undefined,
): Promise<{ readonly left: Hindrance | 'unknown' | undefined; readonly why: string | null }> {
  const tried = new Set<string>()
  let left: Hindrance | 'unknown' | undefined = found ?? 'unknown'
  const whys: string[] = []
  while (left !== undefined && left !== 'unknown') {
    const { cause, mending, says, fix } = left
    const mend = IN_PLACE[mending]
    const hopeless = mending === 'hand' || (mend !== undefined && tried.has(cause))
    if (hopeless) throw labError('HINDERED', { node: node.name, says, advice: fix })
    if (mend === undefined) break
    tried.add(cause)
    whys.push(says)
    await steps([
      { title: `Mend ${node.name}: ${says}`, task: (_, task) => mend(tellOf(task), primary.node, node) },
      {
        title: `Wait until ${node.name} follows ${primary.node.name}`,
        task: async () => {
          left = await untilFollows(lab, primary.node, node, 60)
        },
      },
    ])
  }
  if (left === undefined) await steps([levelStep(lab, primary)])
  return { left, why: whys.join('; ') || null }
}

/** If a newer primary is down, it has the latest votes: then the older one must not be kept as the primary. */
async function assertNewer({ node, facts }: Answering, other: DatabaseNode, sights: readonly Sight[]): Promise<void> {
  const state = sights.find((sight) => sight.node === other)?.state
  if (state === undefined || state === 'running') return
  const data = await dataOf(other, state)
  if (data.is === 'primary' && data.timeline > (facts.timeline ?? 1))
    throw labError('NEWER_IS_DOWN', { node: other.name, container: other.container, primary: node.name })
}

/** A node whose history diverged streams too, for moments: again and again up to the point where it diverged. */
function streams({ facts }: Answering, sights: readonly Sight[], node: DatabaseNode): boolean {
  const own = sights.find((sight) => sight.node.name === node.name)?.facts
  return (
    (own === undefined || own.timeline === facts.timeline) &&
    facts.standbys.some(({ name, state }) => name === node.name && state === 'streaming')
  )
}

/** The node streams already: at most the level has to be restored. */
async function stays(lab: Lab, primary: Answering, node: DatabaseNode): Promise<Rejoin> {
  await steps([
    { title: `${node.name} streams from ${primary.node.name} already`, task: () => {} },
    levelStep(lab, primary),
  ])
  return { ...outcome(primary, node), how: 'none' }
}

async function bringBack(
  lab: Lab,
  primary: Answering,
  node: DatabaseNode,
  { copy, discard }: RejoinOptions,
  reason?: ReasonToCopy,
): Promise<Rejoin> {
  let votes: readonly LostVote[] | null = reason?.losesNothing ? [] : null
  let keptIn: string | null = null
  let why: string | null = copy ? 'a copy was asked for' : (reason?.why ?? null)
  let how: 'rewound' | 'copied' = 'rewound'
  const halfWay = isHalfWay(node, await noteOf(node))
  const empty = !halfWay && !(await hasFile(node, 'PG_VERSION'))
  if (halfWay) why = 'an earlier rejoin was interrupted'
  if (empty) [why, votes] = ['it has no data', []]
  const whole = !halfWay && !empty
  await steps([
    { title: `Fence ${node.name}`, enabled: whole, task: (_, task) => fence(tellOf(task), lab, node) },
    {
      title: `List the votes that only ${node.name} has`,
      enabled: whole && votes === null,
      task: async (_, task) => {
        votes = await divergedVotes(tellOf(task), lab, primary.node, node).catch((error) => {
          if (!discard || !(error instanceof LabError && error.code === 'VOTES_UNREADABLE')) throw error
          task.output = error.message
          why = 'its data cannot be opened'
          return null
        })
        if (votes !== null && votes.length > 0) keptIn = await keep(lab, votes)
        task.title = `Votes that only ${node.name} has: ${votes?.length ?? 'unknown'}${keptIn === null ? '' : `, kept in ${keptIn}`}`
      },
    },
    {
      title: `Make its slot on ${primary.node.name}`,
      task: (_, task) => prepareFor(tellOf(task), primary.node, node),
    },
    {
      title: `Rewind or copy ${node.name}, and start it as a standby`,
      task: async (_, task) => {
        if (!whole) await putDown(tellOf(task), lab, node)
        const word = why === null ? 'rewind' : 'copy'
        const followed = await followNewPrimary(tellOf(task), lab, primary.node, node, word)
        how = followed.how
        why ??= followed.refused
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

const levelStep = (lab: Lab, primary: Answering) => ({
  title: `Restore the durability level ${levelChosen(primary.facts)}`,
  enabled: levelInForce(primary.facts) !== levelChosen(primary.facts),
  task: (_: unknown, task: { output: string }) => restoreLevel(tellOf(task), lab, primary),
})

const divergedVotes = (tell: Tell, lab: Lab, primary: DatabaseNode, node: DatabaseNode): Promise<readonly LostVote[]> =>
  withStoppedData(tell, lab, node, async (there) =>
    // Another cluster in its volume may have no polls at all.
    (await there(HAS_POLLS, 'postgres')) === 't' ? votesMissing((query) => ask(lab, primary, query), there) : [],
  )

const HAS_POLLS = "select exists (select from pg_database where datname = 'polling')"

/** Writes the votes to a file, so that they survive a crash of this command. */
async function keep(lab: Lab, votes: readonly LostVote[]): Promise<string> {
  const file = join(stateFolder(lab), `diverged-votes-${new Date().toISOString().replaceAll(':', '-')}.json`)
  await writePrivately(file, `${JSON.stringify(votes, null, 2)}\n`)
  return file
}

/** A failover ended between fencing and promoting: the fenced node is still the newest, so it comes back as the primary. */
async function undo(lab: Lab, sights: readonly Sight[], options: RejoinOptions): Promise<Rejoin> {
  const notes = await Promise.all(lab.databases.map(noteOf))
  // If it was started by hand, it ends at once and the engine tries again: its container runs for moments.
  const node = lab.databases.find((_, index) => notes[index] === 'fenced' && sights[index]?.facts === undefined)
  if (node === undefined) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  const peer = peerOf(lab, node)
  // Only a peer that answers as a standby was not promoted: a silent one may have gone down as the new primary.
  const follows = standbysOf(sights).some((sight) => sight.node === peer)
  // A peer without data has nothing newer, promoted or not.
  if (!follows && (await hasFile(peer, 'PG_VERSION'))) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  let primary: Answering | undefined
  await steps([
    {
      title: `Restart the servers, so that they forget the newer history: it was lost with the data of ${peer.name}`,
      enabled: !follows,
      // The servers write to no database on an older timeline than one that they have seen.
      task: (_, task) => restartServers(tellOf(task), lab),
    },
    {
      title: `Undo the fencing of ${node.name}: ${follows ? 'nothing was promoted' : `${peer.name} has no data`}`,
      task: async (_, task) => {
        await putDown(tellOf(task), lab, node)
        await noteForNextStart(tellOf(task), node, 'keep')
        await act(tellOf(task), ['start', node.container])
      },
    },
    {
      title: `Wait until ${peer.name} streams from it`,
      enabled: follows,
      task: () => streaming(lab, node, peer, 60),
    },
    {
      title: `Wait until ${node.name} is the primary`,
      task: async () => {
        primary = await asPrimary(lab, node)
      },
    },
  ])
  if (primary === undefined) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  return follows ? { ...outcome(primary, peer), how: 'undone' } : bringBack(lab, primary, peer, options)
}
