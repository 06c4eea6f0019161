import { join } from 'node:path'
import { act } from '../docker/command.ts'
import { changing } from '../docker/leftovers.ts'
import { ABSENT, type Container, containersOf, hasFile, noteForNextStart, noteOf } from '../docker/nodes.ts'
import { LabError, labError } from '../errors.ts'
import { fence, putDown } from '../managers/scripted/fencing.ts'
import { restartServers } from '../managers/serving.ts'
import { dataOf, isHalfWay } from '../postgres/data.ts'
import type { Facts } from '../postgres/observe.ts'
import { type Answering, lookAtDatabases, type Sight } from '../postgres/sights.ts'
import { ask } from '../postgres/sql.ts'
import { withStoppedData } from '../postgres/stopped-data.ts'
import { type LostVote, votesMissing } from '../postgres/votes.ts'
import { type Level, levelChosen, levelInForce } from '../rules/durability.ts'
import { type Hindrance, hasNothingOfItsOwn } from '../rules/hindrance.ts'
import { primariesOf, seenOf, splitBrain, standbysOf } from '../rules/members.ts'
import { stateFolder } from '../state/folder.ts'
import { writePrivately } from '../state/private-files.ts'
import type { Reporter, Tell } from '../steps.ts'
import type { DatabaseName, DatabaseNode, Lab } from '../topology/topology.ts'
import { peerOf } from '../topology/topology.ts'
import {
  asPrimary,
  type Followed,
  followNewPrimary,
  prepareFor,
  restoreLevel,
  streaming,
  untilFollows,
} from './following.ts'
import { hindranceSeen, IN_PLACE } from './hindrances.ts'

export type Rejoin = {
  readonly primary: DatabaseName
  readonly standby: DatabaseName
  /**
   * `none`: it streamed already. `repaired`: its data could stay as it is. `undone`: a failover had fenced it, but had promoted
   * no standby.
   */
  readonly how: 'none' | 'repaired' | 'rewound' | 'copied' | 'undone'
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
export const rejoin = (lab: Lab, options: RejoinOptions, reporter: Reporter): Promise<Rejoin> =>
  changing(lab, async () => {
    const sights = await lookAtDatabases(lab)
    const absent = sights.find(({ state }) => state === 'absent')
    if (absent !== undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: absent.node.name })
    const [primary, second] = primariesOf(sights)
    if (primary === undefined) return undo(lab, sights, options, reporter)
    if (second !== undefined && second.facts.timeline === primary.facts.timeline) throw splitBrain(sights)
    const node = peerOf(lab, primary.node)
    await assertNewer(primary, node, sights)
    const own = sights.find((sight) => sight.node === node)
    if (streams(primary, sights, node) && own?.facts?.tooLow.length === 0) return stays(lab, primary, node, reporter)
    if (options.copy) return bringBack(lab, primary, node, options, reporter)
    const [container = ABSENT] = await containersOf(lab, [node])
    const hindrance = await hindranceSeen(lab, node, container, own?.facts, primary.facts)
    const found = isLive(container, own?.facts) ? hindrance : undefined
    const mended = await mendInPlace(lab, primary, node, found, reporter)
    if (mended.left === undefined) return { ...outcome(primary, node), how: 'repaired', why: mended.why }
    return bringBack(lab, primary, node, options, reporter, reasonToCopy(mended.left, primary, own?.facts))
  })

/** Whether the cause still lasts. What ended a node may be repaired by now, and a primary follows no other node. */
const isLive = ({ state }: Container, own: Facts | undefined): boolean =>
  own === undefined ? ['running', 'restarting'].includes(state) : own.inRecovery

/** Why only a copy helps, and whether the copy loses nothing. */
type ReasonToCopy = { readonly why: string; readonly losesNothing: boolean }

const reasonToCopy = (left: Hindrance | 'unknown', primary: Answering, own: Facts | undefined) =>
  left !== 'unknown' && left.mending === 'copy'
    ? { why: left.says, losesNothing: hasNothingOfItsOwn(primary, own) }
    : undefined

/**
 * Repairs what keeps a database from following, one cause after the other, as long as its data can stay as it is. Gives the
 * cause that is left: `unknown` if something else is wrong, undefined if it follows.
 */
async function mendInPlace(
  lab: Lab,
  primary: Answering,
  node: DatabaseNode,
  found: Hindrance | undefined,
  reporter: Reporter,
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
    await reporter.step(`Repair ${node.name}: ${says}`, ({ tell }) => mend(tell, primary.node, node))
    left = await reporter.step(`Wait until ${node.name} follows ${primary.node.name}`, () =>
      untilFollows(lab, primary.node, node, 60),
    )
  }
  if (left === undefined) await restoreChosen(lab, primary, reporter)
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

/** A node with a diverged history streams too, again and again for moments, up to the point where it diverged. */
function streams({ facts }: Answering, sights: readonly Sight[], node: DatabaseNode): boolean {
  const own = sights.find((sight) => sight.node.name === node.name)?.facts
  return (
    (own === undefined || own.timeline === facts.timeline) &&
    facts.standbys.some(({ name, state }) => name === node.name && state === 'streaming')
  )
}

/** The node streams already: at most the level has to be restored. */
async function stays(lab: Lab, primary: Answering, node: DatabaseNode, reporter: Reporter): Promise<Rejoin> {
  await reporter.step(`${node.name} streams from ${primary.node.name} already`, () => {})
  await restoreChosen(lab, primary, reporter)
  return { ...outcome(primary, node), how: 'none' }
}

async function bringBack(
  lab: Lab,
  primary: Answering,
  node: DatabaseNode,
  { copy, discard }: RejoinOptions,
  reporter: Reporter,
  reason?: ReasonToCopy,
): Promise<Rejoin> {
  const { step } = reporter
  const halfWay = isHalfWay(node, await noteOf(node))
  const empty = !halfWay && !(await hasFile(node, 'PG_VERSION'))
  const whole = !halfWay && !empty
  if (whole) await step(`Fence ${node.name}`, ({ tell }) => fence(tell, lab, node))
  const losesNothing = empty || (reason?.losesNothing ?? false)
  const left: LeftBehind =
    whole && !losesNothing
      ? await leftBehind(lab, primary.node, node, discard, reporter)
      : { votes: losesNothing ? [] : null, keptIn: null, unreadable: false }
  const why = halfWay
    ? 'an earlier rejoin was interrupted'
    : empty
      ? 'it has no data'
      : left.unreadable
        ? 'its data cannot be opened'
        : copy
          ? 'a copy was asked for'
          : (reason?.why ?? null)
  await step(`Make its slot on ${primary.node.name}`, ({ tell }) => prepareFor(tell, primary.node, node))
  const followed = await step(
    `Rewind or copy ${node.name}, and start it as a standby`,
    async ({ tell, retitle }): Promise<Followed> => {
      if (!whole) await putDown(tell, lab, node)
      const it = await followNewPrimary(tell, lab, primary.node, node, why === null ? 'rewind' : 'copy')
      const copied = `${node.name} was copied (${why ?? it.refused}), and streams`
      retitle(it.how === 'rewound' ? `${node.name} was rewound, and streams` : copied)
      return it
    },
  )
  await restoreChosen(lab, primary, reporter)
  const { votes: divergedVotes, keptIn } = left
  return { ...outcome(primary, node), how: followed.how, why: why ?? followed.refused, divergedVotes, keptIn }
}

/** Votes that are lost when a node is brought back; null if nobody could read them. */
type LeftBehind = {
  readonly votes: readonly LostVote[] | null
  readonly keptIn: string | null
  readonly unreadable: boolean
}

/** Lists the votes that only a node has, and keeps the list. */
const leftBehind = (
  lab: Lab,
  primary: DatabaseNode,
  node: DatabaseNode,
  discard: boolean,
  { step }: Reporter,
): Promise<LeftBehind> =>
  step(`List the votes that only ${node.name} has`, async ({ tell, say, retitle }) => {
    const votes = await divergedVotes(tell, lab, primary, node).catch((error) => {
      if (!discard || !(error instanceof LabError && error.code === 'VOTES_UNREADABLE')) throw error
      say(error.message)
      return null
    })
    const keptIn = votes !== null && votes.length > 0 ? await keep(lab, votes) : null
    const kept = keptIn === null ? '' : `, kept in ${keptIn}`
    retitle(`Votes that only ${node.name} has: ${votes?.length ?? 'unknown'}${kept}`)
    return { votes, keptIn, unreadable: votes === null }
  })

const outcome = (primary: Answering, node: DatabaseNode) => ({
  primary: primary.node.name,
  standby: node.name,
  why: null,
  divergedVotes: [],
  keptIn: null,
  level: levelChosen(primary.facts),
})

/** Restores the level that was chosen, if another is in force. */
async function restoreChosen(lab: Lab, primary: Answering, { step }: Reporter): Promise<void> {
  const chosen = levelChosen(primary.facts)
  if (levelInForce(primary.facts) === chosen) return
  await step(`Restore the durability level ${chosen}`, ({ tell }) => restoreLevel(tell, lab, primary))
}

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
async function undo(lab: Lab, sights: readonly Sight[], options: RejoinOptions, reporter: Reporter): Promise<Rejoin> {
  const { step } = reporter
  const notes = await Promise.all(lab.databases.map(noteOf))
  // If it was started by hand, it ends at once and the engine tries again: its container runs for moments.
  const node = lab.databases.find((_, index) => notes[index] === 'fenced' && sights[index]?.facts === undefined)
  if (node === undefined) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  const peer = peerOf(lab, node)
  // Only a peer that answers as a standby was not promoted: a silent one may have gone down as the new primary.
  const follows = standbysOf(sights).some((sight) => sight.node === peer)
  // A peer without data has nothing newer, promoted or not.
  if (!follows && (await hasFile(peer, 'PG_VERSION'))) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  if (!follows)
    // The servers write to no database on an older timeline than one that they have seen.
    await step(
      `Restart the servers, so that they forget the newer history: it was lost with the data of ${peer.name}`,
      ({ tell }) => restartServers(tell, lab),
    )
  const why = follows ? 'nothing was promoted' : `${peer.name} has no data`
  await step(`Undo the fencing of ${node.name}: ${why}`, async ({ tell }) => {
    await putDown(tell, lab, node)
    await noteForNextStart(tell, node, 'keep')
    await act(tell, ['start', node.container])
  })
  if (follows) await step(`Wait until ${peer.name} streams from it`, () => streaming(lab, node, peer, 60))
  const primary = await step(`Wait until ${node.name} is the primary`, () => asPrimary(lab, node))
  return follows ? { ...outcome(primary, peer), how: 'undone' } : bringBack(lab, primary, peer, options, reporter)
}
