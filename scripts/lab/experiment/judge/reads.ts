import { HISTORY_LOST, nameOf } from '../../service/load/history.ts'
import type { Call, Judgement } from '../record.ts'

/** The findings about reads with a token. */
export type ReadFindings = Pick<Judgement, 'staleReads' | 'historyLost'> & {
  /** When the reads that could be judged began. */
  readonly judged: readonly number[]
}

/**
 * Compares what reads saw with the acknowledged votes of their clients. A lost vote counts once, not in each read that does
 * not see it. But if the token of a read belongs to a lost vote, the answer has to say so. Before `faultAt` nothing is lost:
 * every vote has to be seen.
 */
export function judgeReads(calls: readonly Call[], lost: Judgement['lost'], faultAt: number): ReadFindings {
  const reads = calls.filter(({ kind }) => kind === 'read')
  const missing = new Set(lost.map(({ poll, user }) => JSON.stringify([poll, user])))
  const lostVotes = calls.filter(({ kind, poll, user }) => kind === 'vote' && missing.has(JSON.stringify([poll, user])))
  const judged = reads.flatMap((read) =>
    read.outcome === 'ok' && read.token !== null && read.expected !== null && read.seen !== null
      ? [{ ...read, expected: read.expected, seen: read.seen }]
      : [],
  )
  const stale = judged.filter((read) => {
    if (read.seen >= read.expected) return false
    const own = lostVotes.filter(
      (vote) => vote.client === read.client && vote.poll === read.poll && vote.end <= read.start,
    )
    const untold = read.end < faultAt || own.some(({ token }) => token === read.token)
    return untold || read.seen < read.expected - own.length
  })
  return {
    staleReads: stale.map(({ client, start, expected, seen }) => ({ client, at: start, expected, seen })),
    historyLost: reads.filter(({ answer }) => HISTORY_LOST.includes(nameOf(answer))).length,
    judged: judged.map(({ start }) => start),
  }
}
