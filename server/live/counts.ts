import type { Position } from '../token.ts'

/** How a poll stands: votes by option, whether more can come, and up to where in the databases' history that is. */
export type Counts = { votes: number[]; closed: boolean; seenUpTo: Position | undefined }

/** What `seen` is to someone who was shown `shown`. */
export type Change = 'none' | 'forward' | 'back'

/** Votes only come; where one is missing, or a poll open again, a database is behind or has lost something. */
export function changeOf(shown: Counts, seen: Counts): Change {
  const fell = shown.votes.some((votes, option) => (seen.votes[option] ?? 0) < votes)
  if (fell || (shown.closed && !seen.closed)) return 'back'
  const rose = seen.votes.some((votes, option) => votes > (shown.votes[option] ?? 0))
  return rose || seen.closed !== shown.closed ? 'forward' : 'none'
}
