import { act } from '../docker/command.ts'
import { changing } from '../docker/leftovers.ts'
import { ABSENT, type Container, containersOf } from '../docker/nodes.ts'
import { hasFile } from '../docker/volume.ts'
import { labError } from '../errors.ts'
import { putDown } from '../managers/scripted/fencing.ts'
import { restartServers } from '../managers/serving.ts'
import { dataOf } from '../postgres/data.ts'
import type { Facts } from '../postgres/observe.ts'
import { type Answering, lookAtDatabases, type Sight } from '../postgres/sights.ts'
import { isHalfWay, readStartNote, unfencedNote, writeStartNote } from '../postgres/start-note.ts'
import { choiceOf, type Level, type Rule } from '../rules/durability.ts'
import { membersOf, seenOf, sendsTo, splitBrain } from '../rules/members.ts'
import type { Reporter } from '../steps.ts'
import type { DatabaseName, DatabaseNode, Lab } from '../topology/topology.ts'
import {
  bringBack,
  mendInPlace,
  type Rejoined,
  type RejoinOptions,
  reasonToCopy,
  restoreChosen,
  untouched,
} from './bring-back.ts'
import { asPrimary, streaming } from './following.ts'
import { hindranceSeen } from './hindrances.ts'

export type Rejoin = {
  readonly primary: DatabaseName
  readonly level: Level
  readonly rule: Rule
  readonly standbys: readonly Rejoined[]
}

/**
 * Brings every database that is not the primary back as a standby, whatever state it is in. First it lists the votes that are
 * lost by this. After an interruption the next run goes on.
 */
export const rejoin = (lab: Lab, options: RejoinOptions, reporter: Reporter): Promise<Rejoin> =>
  changing(lab, async () => {
    const sights = await lookAtDatabases(lab)
    const absent = sights.find(({ state }) => state === 'absent')
    if (absent !== undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: absent.node.name })
    const { primary, rivals } = membersOf(sights)
    if (primary === undefined) return undo(lab, sights, options, reporter)
    if (rivals.some(({ facts }) => facts.timeline === primary.facts.timeline)) throw splitBrain(sights)
    const others = sights.filter(({ node }) => node !== primary.node)
    for (const other of others) await assertNewer(primary, other)
    return rejoinAll(lab, primary, others, (other) => bringIn(lab, primary, other, options, reporter), reporter)
  })

/** One after the other: each rewind reads from the primary. Then there are standbys that commits can wait for. */
async function rejoinAll(
  lab: Lab,
  primary: Answering,
  others: readonly Sight[],
  one: (other: Sight) => Promise<Rejoined>,
  reporter: Reporter,
): Promise<Rejoin> {
  const standbys: Rejoined[] = []
  for (const other of others) standbys.push(await one(other))
  await restoreChosen(lab, primary, reporter)
  return { primary: primary.node.name, ...choiceOf(primary.facts), standbys }
}

/** Makes one database a standby of the primary, in the way that changes least. */
async function bringIn(
  lab: Lab,
  primary: Answering,
  own: Sight,
  options: RejoinOptions,
  reporter: Reporter,
): Promise<Rejoined> {
  const { node, facts } = own
  if (streams(primary, own) && facts?.tooLow.length === 0) return stays(primary, node, reporter)
  if (options.copy) return bringBack(lab, primary, node, options, reporter)
  const [container = ABSENT] = await containersOf(lab, [node])
  const hindrance = await hindranceSeen(lab, own, container, primary)
  const found = isLive(container, facts) ? hindrance : undefined
  const mended = await mendInPlace(lab, primary, node, found, reporter)
  if (mended.left === undefined) return { ...untouched(node), how: 'repaired', why: mended.why }
  return bringBack(lab, primary, node, options, reporter, reasonToCopy(mended.left, primary, facts))
}

/** Whether the cause still lasts. What ended a node may be repaired by now, and a primary follows no other node. */
const isLive = ({ state }: Container, own: Facts | undefined): boolean =>
  own === undefined ? ['running', 'restarting'].includes(state) : own.inRecovery

/** If a newer primary is down, it has the latest votes: then the older one must not be kept as the primary. */
async function assertNewer({ node, facts }: Answering, { node: other, state }: Sight): Promise<void> {
  if (state === 'running') return
  const data = await dataOf(other, state)
  if (data.is === 'primary' && data.timeline > (facts.timeline ?? 1))
    throw labError('NEWER_IS_DOWN', { node: other.name, container: other.container, primary: node.name })
}

/** A node with a diverged history streams too, again and again for moments, up to the point where it diverged. */
const streams = (primary: Answering, { node, facts }: Sight): boolean =>
  (facts === undefined || facts.timeline === primary.facts.timeline) && sendsTo(primary, node)

async function stays(primary: Answering, node: DatabaseNode, reporter: Reporter): Promise<Rejoined> {
  await reporter.step(`${node.name} streams from ${primary.node.name} already`, () => {})
  return { ...untouched(node), how: 'none' }
}

/** A failover ended between fencing and promoting: the fenced node is still the newest, so it comes back as the primary. */
async function undo(lab: Lab, sights: readonly Sight[], options: RejoinOptions, reporter: Reporter): Promise<Rejoin> {
  const { step } = reporter
  const notes = await Promise.all(lab.databases.map(readStartNote))
  // If it was started by hand, it ends at once and the engine tries again: its container runs for moments.
  const fenced = sights.filter(({ facts }, index) => notes[index]?.fenced && facts === undefined)
  const node = await formerPrimary(fenced.map((it) => it.node))
  if (node === undefined) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  const others = sights.filter((sight) => sight.node !== node)
  // Only one that answers as a standby was not promoted: a silent one may have gone down as the new primary.
  const silent = others.filter((it) => it.facts === undefined && !fenced.includes(it))
  const withData = await Promise.all(silent.map((it) => hasFile(it.node, 'data/PG_VERSION')))
  // One without data has nothing newer, promoted or not.
  if (withData.includes(true)) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  const names = silent.map((it) => it.node.name).join(' and ')
  if (silent.length > 0)
    // The servers write to no database on an older timeline than one that they have seen.
    await step(
      `Restart the servers, so that they forget the newer history: it was lost with the data of ${names}`,
      (it) => restartServers(it.tell, lab),
    )
  const why = silent.length > 0 ? `${names} has no data` : 'nothing was promoted'
  await step(`Undo the fencing of ${node.name}: ${why}`, async ({ tell }) => {
    await putDown(tell, lab, node)
    await writeStartNote(tell, node, unfencedNote(await readStartNote(node)))
    await act(tell, ['start', node.container])
  })
  const following = others.filter(({ facts }) => facts !== undefined)
  for (const it of following)
    await step(`Wait until ${it.node.name} streams from it`, () => streaming(lab, node, it.node, 60))
  const primary = await step(`Wait until ${node.name} is the primary`, () => asPrimary(lab, node))
  const one = async (it: Sight): Promise<Rejoined> =>
    following.includes(it)
      ? { ...untouched(it.node), how: 'undone' }
      : bringBack(lab, primary, it.node, options, reporter)
  return rejoinAll(lab, primary, others, one, reporter)
}

/** The one among fenced databases that was the primary: its data are whole, and not a standby's. */
async function formerPrimary(fenced: readonly DatabaseNode[]): Promise<DatabaseNode | undefined> {
  const looks = fenced.map(async (node) => ({
    node,
    halfWay: isHalfWay(await readStartNote(node)),
    standby: await hasFile(node, 'data/standby.signal'),
  }))
  const whole = (await Promise.all(looks)).filter(({ halfWay }) => !halfWay)
  return (whole.find(({ standby }) => !standby) ?? whole[0])?.node
}
