import { act, attempt } from '../docker/command.ts'
import { ABSENT, containersOf } from '../docker/nodes.ts'
import { LabError, labError } from '../errors.ts'
import { untilNodes } from '../faults/waiting.ts'
import { hasSettings, putLevel } from '../managers/level.ts'
import { putDown } from '../managers/scripted/fencing.ts'
import { observe } from '../postgres/observe.ts'
import { type Answering, lookAtDatabases, sightOf } from '../postgres/sights.ts'
import { dropLostSlot, slotStatements } from '../postgres/slots.ts'
import { change } from '../postgres/sql.ts'
import { writeStartNote } from '../postgres/start-note.ts'
import { choiceOf } from '../rules/durability.ts'
import type { Hindrance } from '../rules/hindrance.ts'
import { membersOf, primaryOf, seenOf, sendsTo } from '../rules/members.ts'
import { directOf } from '../rules/upstreams.ts'
import type { Tell } from '../steps.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { hindranceSeen } from './hindrances.ts'
import { inForce } from './replication.ts'

/** How a database was made a standby. `refused`: why it was copied although a rewind was tried. */
export type Followed = { readonly how: 'rewound' | 'copied'; readonly refused: string | null }

/** The database whose data a standby gets, and the one that it follows then: the same, or another standby. */
export type Source = { readonly primary: DatabaseNode; readonly upstream: DatabaseNode }

/** Prepares both for a new standby: its slots, and a checkpoint of the primary. */
export async function prepareFor(tell: Tell, { primary, upstream }: Source, node: DatabaseNode): Promise<void> {
  // A lost slot keeps no WAL any more. pg_rewind reads the new timeline from the last checkpoint.
  const slot = [...dropLostSlot(node), ...slotStatements(node)]
  await change(tell, primary, ...slot, 'checkpoint')
  if (upstream !== primary) await change(tell, upstream, ...slot)
}

/**
 * Starts a database that is down as a standby, rewound or copied, and waits until it streams. If it cannot stream after a
 * rewind, it is copied.
 */
export async function followNewPrimary(
  tell: Tell,
  lab: Lab,
  source: Source,
  node: DatabaseNode,
  word: 'rewind' | 'copy',
): Promise<Followed> {
  const { primary, upstream } = source
  const since = new Date().toISOString()
  await writeStartNote(tell, node, {
    do: word,
    from: primary.name,
    ...(upstream === primary ? {} : { follows: upstream.name }),
  })
  await act(tell, ['start', node.container])
  const hindrance = await untilFollows(lab, upstream, node, 120)
  if (hindrance !== undefined) {
    if (word === 'copy' || !WITH_A_COPY.includes(hindrance.mending)) throw hinders(node, hindrance)
    await putDown(tell, lab, node)
    return { ...(await followNewPrimary(tell, lab, source, node, 'copy')), refused: hindrance.says }
  }
  const log = await logSince(node, since)
  if (!new RegExp(`^${node.name} was copied`, 'm').test(log)) return { how: 'rewound', refused: null }
  const said = /^pg_rewind: (?:error|fatal): (.*)$/m.exec(log)?.[1] ?? 'pg_rewind failed'
  return { how: 'copied', refused: word === 'rewind' ? said : null }
}

const WITH_A_COPY: readonly Hindrance['mending'][] = ['copy', 'rewind']

/** Puts the level in force that was chosen, with the standbys that follow the primary now, if this is not so already. */
export async function restoreLevel(tell: Tell, lab: Lab): Promise<void> {
  const sights = await lookAtDatabases(lab)
  const primary = primaryOf(sights)
  const chosen = choiceOf(primary.facts)
  if (hasSettings(primary, chosen, sights)) return
  await putLevel(tell, primary.node, chosen, directOf(primary.node, sights))
  await inForce(tell, lab, primary.node, chosen)
}

/** Waits until a database that is coming up answers as a primary. */
export const asPrimary = (lab: Lab, node: DatabaseNode): Promise<Answering> =>
  untilNodes(lab, { what: `${node.name} to answer as the primary`, seconds: 60, needs: [node] }, async () => {
    const sights = await lookAtDatabases(lab)
    const { primary, rivals } = membersOf(sights)
    const found = [primary, ...rivals].find((it) => it?.node.name === node.name)
    return found === undefined ? { seen: seenOf(sights) } : { done: found }
  })

/** Waits until a node streams from its upstream. A cause that keeps it from that and does not pass by itself is an error. */
export async function streaming(lab: Lab, upstream: DatabaseNode, node: DatabaseNode, seconds: number): Promise<void> {
  const hindrance = await untilFollows(lab, upstream, node, seconds)
  if (hindrance !== undefined) throw hinders(node, hindrance)
}

const hinders = ({ name }: DatabaseNode, { says, fix }: Hindrance): LabError =>
  labError('HINDERED', { node: name, says, advice: fix })

/** Seconds, before `patience`, for which a cause has to be seen: while both start, some causes show for a moment. */
const LASTS_SECONDS = 3

/** Waits until a node streams from its upstream and replays, or until a lasting cause that prevents it is known. */
export async function untilFollows(
  lab: Lab,
  upstream: DatabaseNode,
  node: DatabaseNode,
  seconds: number,
): Promise<Hindrance | undefined> {
  const { patience } = lab.settings
  let last: Hindrance | undefined
  let since = performance.now()
  const what = `${node.name} to stream from ${upstream.name}`
  // If the node itself does not stay up, this look knows the cause best.
  const wait = untilNodes(lab, { what, seconds, needs: [upstream], mustNotEnd: [node] }, async () => {
    const [[container = ABSENT], facts] = await Promise.all([containersOf(lab, [node]), observe(lab, upstream)])
    if ('unreachable' in facts) return { seen: `${upstream.name}: ${facts.unreachable}` }
    const sender = { ...sightOf(upstream, 'running', facts), facts }
    const own = sightOf(node, container.state, container.state === 'running' ? await observe(lab, node) : undefined)
    if (sendsTo(sender, node) && own.facts?.tooLow.length === 0) return { done: undefined }
    const seen = await hindranceSeen(lab, own, container, { upstream: sender, lost: undefined })
    if (seen?.cause !== last?.cause) since = performance.now()
    last = seen
    const lasts = performance.now() - since > LASTS_SECONDS * patience * 1000
    if (seen !== undefined && !seen.passes && lasts) return { done: seen }
    return { seen: seen?.says ?? (await logSince(node, '5s')).split('\n').at(-1) ?? '' }
  })
  return wait.catch((error) => {
    // The last cause seen says more than the time-out.
    if (last !== undefined && error instanceof LabError && error.code === 'TIMEOUT') return last
    throw error
  })
}

async function logSince(node: DatabaseNode, since: string): Promise<string> {
  const { stdout, stderr } = await attempt(['logs', '--since', since, node.container])
  return `${stdout}\n${stderr}`.trim()
}
