import { type LabError, labError } from '../errors.ts'
import { bytesOf } from '../lsn.ts'
import type { Answering, Sight } from '../postgres/sights.ts'

/** The databases by the role that each has now. */
export type Members = {
  /** The one out of recovery; of several, the one on the highest timeline. */
  readonly primary: Answering | undefined
  /** Others out of recovery: with one of these, the lab has a split brain. */
  readonly rivals: readonly Answering[]
  /** Those in recovery; the one that has most of the history comes first. */
  readonly standbys: readonly Answering[]
  /** Those that do not answer. */
  readonly silent: readonly Sight[]
}

/** Sorts the databases by role. */
export function membersOf(sights: readonly Sight[]): Members {
  const answering = sights.filter((sight): sight is Answering => sight.facts !== undefined)
  const [primary, ...rivals] = answering
    .filter(({ facts }) => !facts.inRecovery)
    .sort((a, b) => (b.facts.timeline ?? 0) - (a.facts.timeline ?? 0))
  return {
    primary,
    rivals,
    standbys: standbysOf(answering.filter(({ facts }) => facts.inRecovery)),
    silent: sights.filter(({ facts }) => facts === undefined),
  }
}

/** Of two that have the same, the one that follows no other standby comes first: then fewer have to be pointed at it. */
function standbysOf(standbys: readonly Answering[]): readonly Answering[] {
  const follows = ({ facts }: Answering) => standbys.some(({ node }) => node.name === facts.upstream)
  return standbys.toSorted((a, b) => byHistory(a, b) || Number(follows(a)) - Number(follows(b)))
}

function byHistory(a: Answering, b: Answering): number {
  const timelines = (b.facts.timeline ?? 0) - (a.facts.timeline ?? 0)
  return timelines === 0 ? Number(bytesOf(receivedOf(b)) - bytesOf(receivedOf(a))) : timelines
}

/** The first of some databases that has more of the history than another one; undefined if none has. */
export const aheadOf = (it: Answering, others: readonly Sight[]): Answering | undefined =>
  membersOf(others).standbys.find((other) => byHistory(other, it) < 0)

/** The last position that a standby has, replayed or not. */
export function receivedOf({ facts }: Answering): string {
  const { receivedLsn, lsn } = facts
  if (receivedLsn === null || (lsn !== null && bytesOf(lsn) > bytesOf(receivedLsn))) return lsn ?? '0/0'
  return receivedLsn
}

/** The one primary there is. */
export function primaryOf(sights: readonly Sight[]): Answering {
  const { primary, rivals } = membersOf(sights)
  if (primary === undefined) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  if (rivals.length > 0) throw splitBrain(sights)
  return primary
}

/** More than one is a primary. */
export const splitBrain = (sights: readonly Sight[]): LabError => labError('SPLIT_BRAIN', { seen: seenOf(sights) })

/** What was seen of all, in one line. */
export const seenOf = (sights: readonly Sight[]): string => sights.map(({ seen }) => seen).join('; ')

/** Whether a database sends WAL to another one. */
export const sendsTo = ({ facts }: Pick<Answering, 'facts'>, { name }: { readonly name: string }): boolean =>
  facts.standbys.some((standby) => standby.name === name && standby.state === 'streaming')
