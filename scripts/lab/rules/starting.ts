import { type LabError, labError } from '../errors.ts'
import type { Data, Holder } from '../postgres/data.ts'
import type { DatabaseNode } from '../topology/topology.ts'

/** How two databases are brought up, depending on their data: never as two primaries, or with two histories. */
export type Starting = {
  /** They go on with what they have. */
  readonly goOn: readonly DatabaseNode[]
  /** Both start with the prepared data: there is none yet. */
  readonly fresh: readonly DatabaseNode[]
  /** It has no data, and becomes a standby of the other database, which is the primary. */
  readonly copy: readonly DatabaseNode[]
  /** Why one of them is not started. */
  readonly refusal: LabError | undefined
}

/** Decides how they are brought up. */
export function startingOf(holders: readonly Holder[]): Starting {
  const [left] = leftBehind(holders)
  const peerOf = ({ node }: Holder) => holders.find((it) => it.node.name === node.peer)
  const empty = holders.filter(({ state, data }) => state !== 'running' && data.is === 'nothing')
  const fresh = empty.filter((it) => ['nothing', 'fresh'].includes(peerOf(it)?.data.is ?? 'nothing'))
  const [alone] = empty.filter((it) => !fresh.includes(it))
  const source = alone && peerOf(alone)
  const canCopy = source?.data.is === 'primary'
  const refusal = left
    ? labError(left.why, { node: left.node.name })
    : source && !canCopy
      ? labError('NOTHING_TO_COPY', { node: source.node.peer, peer: source.node.name })
      : undefined
  return {
    goOn: holders.filter((it) => it.node !== left?.node && !empty.includes(it)).map(({ node }) => node),
    fresh: fresh.map(({ node }) => node),
    copy: canCopy && alone ? [alone.node] : [],
    refusal,
  }
}

/** A database that must not be started as it is, and the error that says why. */
export type LeftBehind = { readonly node: DatabaseNode; readonly why: 'FENCED' | 'WOULD_SPLIT' }

/** The databases that do not run and must not be started: they are fenced, or would be a second primary. */
export const leftBehind = (holders: readonly Holder[]): readonly LeftBehind[] =>
  holders.flatMap(({ node, state, data }): LeftBehind[] => {
    const peer = holders.find((it) => it.node.name === node.peer)
    if (state === 'running' || peer === undefined) return []
    if (data.is === 'fenced') return [{ node, why: 'FENCED' }]
    return wouldSplit(data, peer) ? [{ node, why: 'WOULD_SPLIT' }] : []
  })

/** Every promotion begins a timeline, so of two primaries the one on the lower was left behind. */
function wouldSplit(data: Data, peer: Holder): boolean {
  if (data.is !== 'primary' || peer.data.is !== 'primary') return false
  const runs = peer.state === 'running'
  return data.timeline < peer.data.timeline || (data.timeline === peer.data.timeline && runs)
}
