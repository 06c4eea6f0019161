import type { Call, Judgement } from '../record.ts'

/** What the reads with a token saw. */
export type ReadFindings = Pick<Judgement, 'staleReads' | 'historyLost'> & {
  /** When those began that could be judged. */
  readonly judged: readonly number[]
}

/** Errors that tell a reader that what its token stands for is not there any more. */
export const HISTORY_LOST: readonly string[] = ['HISTORY_LOST', 'TOKEN_AHEAD']

/** The name at the beginning of an answer. */
export const nameOf = (answer: string): string => answer.split(':')[0] ?? ''

/**
 * Holds what reads saw against the votes that their clients had been acknowledged.
 * A vote that is lost is counted as lost, and not again in each read that does not see it; but a read whose own token
 * stands for a lost vote has to be told. Before `faultAt` nothing is lost, so that there every vote has to be seen.
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
