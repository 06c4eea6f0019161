import type { Position } from '../token.ts'

/** The state of a poll: votes by option, whether more can come, and the position in the databases' history. */
export type Counts = { votes: number[]; closed: boolean; seenUpTo: Position | undefined }

/** What `seen` means to a follower who was shown `shown`. */
export type Change = 'none' | 'forward' | 'back'

/** Counts only grow. If a vote is missing or a poll is open again, the database lags or has lost something. */
export function changeOf(shown: Counts, seen: Counts): Change {
  const fell = shown.votes.some((votes, option) => (seen.votes[option] ?? 0) < votes)
  if (fell || (shown.closed && !seen.closed)) return 'back'
  const rose = seen.votes.some((votes, option) => votes > (shown.votes[option] ?? 0))
  return rose || seen.closed !== shown.closed ? 'forward' : 'none'
}
