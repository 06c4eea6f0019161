import type { VoteOutcome } from '../store/votes.ts'

/** The outcome of a vote, in the words of the wire contract. */
export const VOTE_STATUS: Record<VoteOutcome, string> = {
  'poll not found': 'Poll Not Found',
  'poll closed': 'Poll Closed',
  'invalid option': 'Invalid Option',
  duplicate: 'duplicate_vote',
  stored: 'Vote Successfully!',
}
