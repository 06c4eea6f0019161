import type { Data, Down } from '../postgres/data.ts'
import type { Sight } from '../postgres/sights.ts'

/**
 * The databases that commits may be on because they waited for them: the primary, and the standbys that follow it themselves, for
 * synchronous commit counts no others. Left out is only what is known: one that follows another standby, and one that a
 * failover left behind. So one of which nothing can be read counts. `down`: what the silent ones are by their data.
 */
export function countedOf(sights: readonly Sight[], down: Down, timeline: number | null): readonly Sight[] {
  const isStandby = ({ node, facts }: Sight) => facts?.inRecovery ?? standbyIn(down[node.name]) !== undefined
  const upstreamOf = ({ node, facts }: Sight) => {
    const upstream = facts === undefined ? standbyIn(down[node.name])?.upstream : facts.inRecovery && facts.upstream
    return sights.find((it) => it.node.name === upstream && isStandby(it))
  }
  // Nothing leads to those of a circle, so nobody can say whom they followed before.
  const isCascaded = (it: Sight) => {
    const over: Sight[] = []
    for (let next = upstreamOf(it); next !== undefined; next = upstreamOf(next)) {
      if (next === it || over.includes(next)) return false
      over.push(next)
    }
    return over.length > 0
  }
  return sights.filter((it) => !wasLeftBehind(down[it.node.name], timeline) && !isCascaded(it))
}

/** Those of the silent ones of which nobody can say whom they follow. */
export const uncertainAmong = (counted: readonly Sight[], down: Down): readonly Sight[] =>
  counted.filter(({ node, facts }) => facts === undefined && down[node.name] === undefined)

const standbyIn = (data: Data | undefined) => (data?.is === 'standby' || data?.is === 'follower' ? data : undefined)

/**
 * Whether a failover fenced it, and promoted another one: that began a timeline. One that a failover fenced and did not replace
 * may still have more than any standby.
 */
export const wasLeftBehind = (data: Data | undefined, timeline: number | null): boolean =>
  data?.is === 'fenced' && data.timeline < (timeline ?? 1)
