import { median, quantile } from '../../numbers.ts'
import type { Call, Event, Judgement } from '../record.ts'
import { at } from './recovery-time.ts'

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
