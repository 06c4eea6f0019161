import { type LabError, labError } from '../errors.ts'
import type { Data, Holder } from '../postgres/data.ts'
import type { DatabaseNode } from '../topology/topology.ts'

/** How databases are brought up, depending on their data: never as two primaries, or with two histories. */
export type Starting = {
  /** They go on with what they have. */
  readonly goOn: readonly DatabaseNode[]
  /** They start with the prepared data: no database has any yet. */
  readonly fresh: readonly DatabaseNode[]
  /** They have no data, and become standbys of a database that is the primary. */
  readonly copy: readonly { readonly node: DatabaseNode; readonly from: DatabaseNode }[]
  /** Why one of them is not started. */
  readonly refusal: LabError | undefined
}

/** Whether a manager brings a database that was left behind back by itself. */
type Rejoining = { readonly rejoins: boolean }

/** Decides how they are brought up. */
export function startingOf(holders: readonly Holder[], manager: Rejoining = { rejoins: false }): Starting {
  const left = leftBehind(holders, manager)
  const isLeft = (it: Holder) => left.some(({ node }) => node === it.node)
  const empty = holders.filter(({ state, data }) => state !== 'running' && data.is === 'nothing')
  const whole = holders.filter(({ data }) => data.is !== 'nothing' && data.is !== 'fresh')
  const fresh = whole.length === 0 ? empty : []
  const source = whole.find((it) => it.data.is === 'primary' && !isLeft(it))
  const uncopied = fresh.length === 0 && source === undefined ? empty[0] : undefined
  return {
    goOn: holders.filter((it) => !isLeft(it) && !empty.includes(it)).map(({ node }) => node),
    fresh: fresh.map(({ node }) => node),
    copy: source === undefined ? [] : empty.map(({ node }) => ({ node, from: source.node })),
    refusal: refusalOf(left[0], uncopied, whole[0]),
  }
}

function refusalOf(left: LeftBehind | undefined, uncopied: Holder | undefined, other: Holder | undefined) {
  if (left !== undefined) return labError(left.why, { node: left.node.name })
  if (uncopied === undefined || other === undefined) return undefined
  return labError('NOTHING_TO_COPY', { node: uncopied.node.name, other: other.node.name })
}

/** A database that must not go on as it is, and the error that says why. */
export type LeftBehind = { readonly node: DatabaseNode; readonly why: 'FENCED' | 'WOULD_SPLIT' | 'WOULD_FORGET' }

/** The databases that do not run and must not be started: they are fenced, or would be a second primary. */
export const leftBehind = (
  holders: readonly Holder[],
  { rejoins }: Rejoining = { rejoins: false },
): readonly LeftBehind[] =>
  holders.flatMap((it): LeftBehind[] => {
    if (rejoins) return []

    if (it.state === 'running') return []
    if (it.data.is === 'fenced') return [{ node: it.node, why: 'FENCED' }]
    const others = holders.filter((other) => other !== it)
    return others.some((other) => wouldSplit(it.data, other)) ? [{ node: it.node, why: 'WOULD_SPLIT' }] : []
  })

/** Every promotion begins a timeline, so of two primaries the one on the lower was left behind. */
function wouldSplit(data: Data, other: Holder): boolean {
  if (data.is !== 'primary' || other.data.is !== 'primary') return false
  const runs = other.state === 'running'
  return data.timeline < other.data.timeline || (data.timeline === other.data.timeline && runs)
}
