import { type LabError, labError } from '../errors.ts'
import { bytesOf } from '../lsn.ts'
import type { Data } from '../postgres/data.ts'
import type { Answering, Sight } from '../postgres/sights.ts'
import type { DatabaseName } from '../topology/topology.ts'
import { primariesOf, seenOf, splitBrain, standbysOf } from './members.ts'

/** Bytes of WAL that may be lost if the user gives no limit; the same as Patroni's default. */
export const DEFAULT_MAX_LAG = 1024 * 1024

/** What a failover will do: fence the old primary and promote the candidate, or nothing if that is done already. */
export type Plan =
  | { readonly kind: 'promote'; readonly candidate: Answering; readonly old: Sight }
  | { readonly kind: 'done'; readonly primary: Answering; readonly old: Sight }

/** What each database that does not answer is, according to its data. */
export type Down = Readonly<Partial<Record<DatabaseName, Data['is']>>>

/** Plans a failover. */
export function planOf(sights: readonly Sight[], down: Down): Plan | LabError {
  const [primary, second] = primariesOf(sights)
  const candidate = [...standbysOf(sights)].sort(byHistory)[0]
  if (second !== undefined) return splitBrain(sights)
  const chosen = candidate ?? primary
  const old = sights.find(({ node }) => node.name !== chosen?.node.name)
  if (candidate !== undefined && old !== undefined) return { kind: 'promote', candidate, old }
  if (primary !== undefined && old !== undefined) {
    const left = down[old.node.name]
    if (left === 'fenced') return { kind: 'done', primary, old }
    if (left === 'primary') return labError('ALREADY_PROMOTED', { primary: primary.node.name, old: old.node.name })
  }
  return labError('NOTHING_TO_PROMOTE', { seen: seenOf(sights) })
}

/** The database with more of the history comes first. */
function byHistory(a: Answering, b: Answering): number {
  const timelines = (b.facts.timeline ?? 0) - (a.facts.timeline ?? 0)
  return timelines === 0 ? Number(bytesOf(receivedOf(b)) - bytesOf(receivedOf(a))) : timelines
}

/** Refuses a standby with a setting that is too low for its WAL: if replay is resumed, it ends and never becomes a primary. */
export function assertSettings({ node, facts }: Answering): void {
  const [low] = facts.tooLow
  if (low === undefined) return
  const { name: setting, here, needed } = low
  throw labError('REPLAY_NEEDS_SETTING', { node: node.name, container: node.container, setting, here, needed })
}

/** The last position that a standby has, replayed or not. */
export function receivedOf({ facts }: Answering): string {
  const { receivedLsn, lsn } = facts
  if (receivedLsn === null || (lsn !== null && bytesOf(lsn) > bytesOf(receivedLsn))) return lsn ?? '0/0'
  return receivedLsn
}
