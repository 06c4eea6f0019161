import { act } from '../../docker/command.ts'
import { changing } from '../../docker/leftovers.ts'
import { ABSENT, type Container, containersOf } from '../../docker/nodes.ts'
import { hasFile } from '../../docker/volume.ts'
import { LabError, labError } from '../../errors.ts'
import { interruption } from '../../interruption.ts'
import { dataOf, newestTimeline } from '../../postgres/data.ts'
import type { Facts } from '../../postgres/observe.ts'
import { type Answering, lookAtDatabases, type Sight } from '../../postgres/sights.ts'
import { isHalfWay, readStartNote, unfencedNote, writeStartNote } from '../../postgres/start-note.ts'
import { upstreamChosen } from '../../postgres/upstream.ts'
import { choiceOf } from '../../rules/durability.ts'
import type { Hindrance } from '../../rules/hindrance.ts'
import { membersOf, seenOf, sendsTo, splitBrain } from '../../rules/members.ts'
import { aroundFormerPrimaries, type Due, dueFor, upstreamsFirst } from '../../rules/upstreams.ts'
import type { Reporter } from '../../steps.ts'
import type { DatabaseNode, Lab } from '../../topology/topology.ts'
import { asPrimary, streaming, untilFollows } from '../following.ts'
import { hindranceSeen, type Roles } from '../hindrances.ts'
import type { Rejoin, Rejoined, RejoinOptions } from '../manager.ts'
import { restartServers } from '../serving.ts'
import { bringBack, mendInPlace, reasonToCopy, untouched } from './bring-back.ts'
import { putDown } from './fencing.ts'
import { restoreChosen } from './level.ts'

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
    for (const other of sights) await assertNewer(primary, other)
    return rejoinAll(lab, primary, sights, (own, due) => bringIn(lab, primary, own, due, options, reporter), reporter)
  })

/**
 * One after the other: each rewind reads from the primary, and an upstream comes back before those that follow it. If it cannot
 * come back, they are pointed at the primary. Then there are standbys that commits can wait for.
 */
async function rejoinAll(
  lab: Lab,
  primary: Answering,
  sights: readonly Sight[],
  one: (own: Sight, due: Due) => Promise<Rejoined>,
  reporter: Reporter,
): Promise<Rejoin> {
  const others = sights.filter(({ node }) => node !== primary.node)
  const chosen = others.map(async (own) => ({ own, name: own.node.name, upstream: await upstreamChosen(own) }))
  const follows = aroundFormerPrimaries(await Promise.all(chosen), primary.node.name)
  const standbys: Rejoined[] = []
  const failures = new Map<string, LabError>()
  for (const { own, name, upstream = primary.node.name } of upstreamsFirst(follows)) {
    // Another upstream than the primary was perhaps brought back a moment ago.
    const now = upstream === primary.node.name ? sights : await lookAtDatabases(lab)
    const seen = now.find(({ node }) => node === own.node) ?? own
    const due = dueFor(seen, now, upstream)
    await one(seen, failures.has(upstream) ? { ...due, upstream: primary } : due).then(
      (rejoined) => standbys.push(rejoined),
      (error: unknown) => {
        if (!(error instanceof LabError) || interruption.signal.aborted) throw error
        failures.set(name, error)
      },
    )
  }
  const [failure] = failures.values()
  await restoreChosen(lab, reporter).catch((error: unknown) => {
    throw failure ?? error
  })
  if (failure !== undefined) throw failure
  return { primary: primary.node.name, ...choiceOf(primary.facts), standbys }
}

/** Makes one database a standby of the one that it has to follow, in the way that changes least. */
async function bringIn(
  lab: Lab,
  primary: Answering,
  own: Sight,
  { upstream = primary, lost }: Due,
  options: RejoinOptions,
  reporter: Reporter,
): Promise<Rejoined> {
  const { node, facts } = own
  const roles: Roles = { node, upstream, primary }
  if (streams(upstream, own) && facts?.tooLow.length === 0) return stays(upstream, node, reporter)
  if (upstream.node !== primary.node && facts?.upstream === upstream.node.name) {
    const title = `Wait until ${node.name} follows ${upstream.node.name}`
    const left = await reporter.step(title, () => untilFollows(lab, upstream.node, node, 30))
    if (left === undefined) return { ...untouched(node), how: 'none' }
  }
  if (options.copy) return bringBack(lab, roles, options, reporter)
  const [container = ABSENT] = await containersOf(lab, [node])
  const wasDown = container.state === 'exited' && (await dataOf(node, container.state)).is === 'standby'
  const found = wasDown
    ? await startAgain(lab, roles, reporter)
    : ((isLive(container, facts) ? await hindranceSeen(lab, own, container, { upstream, lost }) : undefined) ??
      'unknown')
  if (found === undefined) return { ...untouched(node), how: 'repaired', why: 'it was down' }
  const mended = await mendInPlace(lab, roles, found, reporter)
  if (mended.left === undefined) return { ...untouched(node), how: 'repaired', why: mended.why }
  return bringBack(lab, roles, options, reporter, reasonToCopy(mended.left, primary, facts))
}

/** Starts a standby that was only down. Gives what keeps it from following all the same; undefined if nothing does. */
async function startAgain(
  lab: Lab,
  { node, upstream }: Roles,
  { step }: Reporter,
): Promise<Hindrance | 'unknown' | undefined> {
  await step(`Start ${node.name}: it is a standby, and was only down`, ({ tell }) =>
    act(tell, ['start', node.container]),
  )
  try {
    return await step(`Wait until ${node.name} follows ${upstream.node.name}`, () =>
      untilFollows(lab, upstream.node, node, 60),
    )
  } catch (error) {
    // With data that it cannot start on, it ends again.
    if (error instanceof LabError && error.code === 'NODE_DIED') return 'unknown'
    throw error
  }
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
const streams = (upstream: Answering, { node, facts }: Sight): boolean =>
  (facts === undefined || facts.timeline === upstream.facts.timeline) && sendsTo(upstream, node)

async function stays(upstream: Answering, node: DatabaseNode, reporter: Reporter): Promise<Rejoined> {
  await reporter.step(`${node.name} streams from ${upstream.node.name} already`, () => {})
  return { ...untouched(node), how: 'none' }
}

/** A failover ended between fencing and promoting: the fenced node is still the newest, so it comes back as the primary. */
async function undo(lab: Lab, sights: readonly Sight[], options: RejoinOptions, reporter: Reporter): Promise<Rejoin> {
  const { step } = reporter
  const notes = await Promise.all(lab.databases.map(readStartNote))
  const restoring = lab.databases[notes.findIndex((note) => note.do === 'restore')]
  if (restoring !== undefined) throw labError('RESTORE_INTERRUPTED', { node: restoring.name })
  // If it was started by hand, it ends at once and the engine tries again: its container runs for moments.
  const fenced = sights.filter(({ facts }, index) => notes[index]?.fenced && facts === undefined)
  const former = await formerPrimary(fenced.map((it) => it.node))
  // A standby on a newer timeline follows another one than that.
  const isNewer = ({ facts }: Sight) => facts?.timeline != null && facts.timeline > (former?.timeline ?? 1)
  if (former === undefined || sights.some(isNewer)) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  const { node } = former
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
  const following = others.filter(({ facts }) => facts !== undefined).map((it) => it.node)
  const primary = await step(`Wait until ${node.name} is the primary`, () => asPrimary(lab, node))
  const one = async (own: Sight, { upstream = primary }: Due): Promise<Rejoined> => {
    if (!following.includes(own.node)) return bringBack(lab, { node: own.node, upstream, primary }, options, reporter)
    const title = `Wait until ${own.node.name} streams from ${upstream.node.name}`
    await step(title, () => streaming(lab, upstream.node, own.node, 60))
    return { ...untouched(own.node), how: 'undone' }
  }
  return rejoinAll(lab, primary, await lookAtDatabases(lab), one, reporter)
}

type Former = { readonly node: DatabaseNode; readonly timeline: number }

/** The one among fenced databases that was the primary last: its data are whole, not a standby's, and on the newest timeline. */
async function formerPrimary(fenced: readonly DatabaseNode[]): Promise<Former | undefined> {
  const looks = fenced.map(async (node) => ({
    node,
    halfWay: isHalfWay(await readStartNote(node)),
    standby: await hasFile(node, 'data/standby.signal'),
    timeline: await newestTimeline(node),
  }))
  const whole = (await Promise.all(looks)).filter(({ halfWay }) => !halfWay)
  const newest = whole.toSorted((one, other) => other.timeline - one.timeline)
  return newest.find(({ standby }) => !standby) ?? newest[0]
}
