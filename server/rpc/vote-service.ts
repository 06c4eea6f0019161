import type { CastVoteRequest, VoteResponse, VoteServiceServer } from '../../proto/gen/polling.ts'
import type { BallotBox } from '../ballot-box.ts'
import { fail, isFailure } from '../errors.ts'
import type { BulkVotes } from './bulk-votes.ts'
import { idempotencyKeyOf } from './metadata.ts'
import { type RpcContext, unary } from './unary.ts'
import { checkCastVote } from './validation.ts'
import { VOTE_STATUS } from './vote-status.ts'

/** polling.VoteService. */
export function voteService(context: RpcContext, ballotBox: BallotBox, bulk: BulkVotes): VoteServiceServer {
  return {
    castVote: unary<CastVoteRequest, VoteResponse>(context, 'CastVote', async (request, call, metadata) => {
      const key = idempotencyKeyOf(metadata)
      if (isFailure(key)) return key
      const invalid = checkCastVote(request)
      if (invalid) return invalid
      const ballot = { pollId: request.uuid, userId: request.userID, option: request.select_options, key: key.value }
      const receipt = await ballotBox.castVotes([ballot], call)
      if (isFailure(receipt)) return receipt
      const { outcomes, token } = receipt.value
      const outcome = outcomes[0] ?? fail('INTERNAL', 'internal error', new Error('a vote without an outcome'))
      return typeof outcome === 'object' ? outcome : { value: { status: VOTE_STATUS[outcome] }, token }
    }),

    castVotes: bulk.castVotes,
  }
}
