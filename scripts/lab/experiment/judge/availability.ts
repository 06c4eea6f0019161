import { median, quantile } from '../../numbers.ts'
import type { Call, Event, Judgement } from '../record.ts'
import { at } from './recovery-time.ts'

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

/** How fast votes were before the fault: what the durability level costs every day. */
export function paceOf(calls: readonly Call[], events: readonly Event[]): Judgement['pace'] {
  const fault = at(events, 'fault') ?? 0
  const votes = calls.filter(({ kind, outcome, end }) => kind === 'vote' && outcome === 'ok' && end < fault)
  const first = votes.reduce((least, { start }) => Math.min(least, start), fault)
  if (first === fault) return null
  const latencies = votes.map(({ start, end }) => end - start)
  return {
    perSecond: (votes.length / (fault - first)) * 1000,
    median: median(latencies),
    p99: quantile(latencies, 0.99),
  }
}
