import type { Call } from '../record.ts'

/**
 * Milliseconds in which votes were acknowledged on two timelines, so by two primaries: from the first one of the newer to the last
 * one of the older. A token begins with the timeline of its vote.
 */
export function splitBrainOf(calls: readonly Call[]): number {
  const votes = calls.filter(({ kind, outcome, token }) => kind === 'vote' && outcome === 'ok' && token !== null)
  const ends = Map.groupBy(votes, ({ token }) => Number(token?.split('-')[0]))
  const timelines = [...ends.keys()].filter(Number.isInteger).sort((a, b) => a - b)
  const endsOf = (timeline: number | undefined) => (ends.get(timeline ?? 0) ?? []).map(({ end }) => end)
  return timelines.reduce((sum, older, nth) => {
    const newer = endsOf(timelines[nth + 1])
    return newer.length === 0 ? sum : sum + Math.max(0, Math.max(...endsOf(older)) - Math.min(...newer))
  }, 0)
}
