import type { Call, Judgement } from '../record.ts'

/** How the calls of one kind ended, and the longest time in which none succeeded. */
export function availabilityOf(calls: readonly Call[], kind: Call['kind']): Judgement['writes'] {
  const own = calls.filter((call) => call.kind === kind)
  const count = (outcome: Call['outcome']) => own.filter((call) => call.outcome === outcome).length
  return {
    calls: own.length,
    ok: count('ok'),
    definite: count('definite'),
    indefinite: count('indefinite'),
    longestGap: longestGapOf(own),
  }
}

/** Also the times before the first success and after the last one count. */
function longestGapOf(calls: readonly Call[]): Judgement['writes']['longestGap'] {
  if (calls.length === 0) return null
  const successes = calls.filter(({ outcome }) => outcome === 'ok').map(({ end }) => end)
  const first = calls.reduce((least, { start }) => Math.min(least, start), Number.POSITIVE_INFINITY)
  const last = calls.reduce((most, { end }) => Math.max(most, end), 0)
  const marks = [first, ...successes.sort((a, b) => a - b), last]
  return marks
    .slice(1)
    .map((to, nth) => ({ from: marks[nth] ?? to, to }))
    .reduce((longest, gap) => (gap.to - gap.from > longest.to - longest.from ? gap : longest))
}
