import type { Answering, Sight } from '../postgres/sights.ts'
import { membersOf, sendsTo } from './members.ts'

/**
 * The databases over which WAL comes to a standby, its own upstream first, and how this way ends: at the `primary`; at one that
 * does not answer (`silent`); in a `circle`; or `elsewhere`: at no database of this lab, or at a primary that was left behind.
 */
export type Way = { readonly over: readonly Sight[]; readonly ends: 'primary' | 'silent' | 'circle' | 'elsewhere' }

/** The way to a standby that follows that upstream. */
export function wayTo(standby: Sight, sights: readonly Sight[], upstream = upstreamIn(standby)): Way {
  const { primary } = membersOf(sights)
  const over: Sight[] = []
  for (let name = upstream; ; ) {
    const next = sights.find(({ node }) => node.name === name)
    if (next === undefined) return { over, ends: 'elsewhere' }
    if (next.node === standby.node || over.includes(next)) return { over, ends: 'circle' }
    over.push(next)
    if (next.facts === undefined) return { over, ends: 'silent' }
    if (!next.facts.inRecovery) return { over, ends: next === primary ? 'primary' : 'elsewhere' }
    name = upstreamIn(next)
  }
}

/** A primary may have an upstream in its settings, too: the one that it had. */
const upstreamIn = ({ facts }: Sight): string | undefined =>
  facts?.inRecovery ? (facts.upstream ?? undefined) : undefined

/** Whom a standby has to follow. `lost`: who on the way to it does not answer, in words. */
export type Due = { readonly upstream: Answering | undefined; readonly lost: string | undefined }

/** The upstream that it has, if that leads to the primary; otherwise the primary, if there is one. */
export function dueFor(standby: Sight, sights: readonly Sight[], upstream = upstreamIn(standby)): Due {
  const { over, ends } = wayTo(standby, sights, upstream)
  const own = over.find((it): it is Answering => it.facts !== undefined)
  if (ends === 'primary') return { upstream: own, lost: undefined }
  return { upstream: membersOf(sights).primary, lost: ends === 'silent' ? lostPhrase(over) : undefined }
}

function lostPhrase(over: readonly Sight[]): string {
  const [first, last] = [over[0]?.node.name, over.at(-1)?.node.name]
  return first === last ? `its upstream ${first}` : `${last}, which its upstream ${first} follows,`
}

/** Whether a standby follows another one. Those of a circle do not: nothing leads to them. */
export function isCascaded(standby: Sight, sights: readonly Sight[]): boolean {
  const { over, ends } = wayTo(standby, sights)
  return ends !== 'circle' && over[0]?.facts?.inRecovery === true
}

/**
 * The databases that follow a primary themselves, or should: commits can wait only for these. One that does not answer counts
 * as one of them.
 */
export const directOf = (primary: Sight['node'], sights: readonly Sight[]): readonly Sight[] =>
  sights.filter((it) => it.node !== primary && !isCascaded(it, sights))

/** Whether all that is on the way to a standby sends WAL to the next one. */
export function isReached(standby: Sight, sights: readonly Sight[]): boolean {
  const { over, ends } = wayTo(standby, sights)
  const receivers = [standby, ...over]
  return ends === 'primary' && over.every((it, nth) => isSent(it, receivers[nth]))
}

const isSent = ({ facts }: Sight, to: Sight | undefined): boolean =>
  facts !== undefined && to !== undefined && sendsTo({ facts }, to.node)

/** Whether a database would follow itself over others, if it followed that one. */
export const wouldCircle = (node: Sight['node'], upstream: Sight, sights: readonly Sight[]): boolean =>
  upstream.node === node || wayTo(upstream, sights).over.some((it) => it.node === node)

/**
 * Those of the other databases that have to be pointed at a standby that becomes the primary. Who follows it already stays
 * where it is, and so does who follows another standby that answers. One without a container has to wait until setup makes it.
 */
export function toPointAt(promoted: Answering, others: readonly Sight[]): readonly Sight[] {
  const sights = [promoted, ...others]
  const there = others.filter(({ state }) => state !== 'absent')
  return there.filter((it) => upstreamIn(it) !== promoted.node.name && !isCascaded(it, sights))
}

type Chosen = { readonly name: string; readonly upstream: string | undefined }

/**
 * The same, but who follows a database that is no standby itself follows the primary now: that one was the primary before, and
 * nobody chose to follow it as a standby. A standby has an `upstream`.
 */
export const aroundFormerPrimaries = <T extends Chosen>(all: readonly T[], primary: string): readonly T[] =>
  all.map((it) => {
    const isStandby = all.some(({ name, upstream }) => name === it.upstream && upstream !== undefined)
    return isStandby ? it : { ...it, upstream: primary }
  })

/** In an order in which each one's upstream comes before it; otherwise in their own order. */
export function upstreamsFirst<T extends Chosen>(all: readonly T[]): readonly T[] {
  const depthOf = (it: T, below: readonly T[] = []): number => {
    const upstream = below.includes(it) ? undefined : all.find(({ name }) => name === it.upstream)
    return upstream === undefined ? 0 : 1 + depthOf(upstream, [...below, it])
  }
  return all.toSorted((a, b) => depthOf(a) - depthOf(b))
}
