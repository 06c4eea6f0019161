import { status } from '@grpc/grpc-js'
import type { CastVoteRequest, VoteResponse, VoteServiceServer } from '../../proto/gen/polling.ts'
import type { BallotBox } from '../ballot-box.ts'
import { isFailure } from '../errors.ts'
import type { VoteOutcome } from '../store/votes.ts'
import { type RpcContext, unary } from './unary.ts'
import { checkCastVote } from './validation.ts'

// The words of the wire contract.
const STATUS: Record<VoteOutcome, string> = {
  'poll not found': 'Poll Not Found',
  'poll closed': 'Poll Closed',
  'invalid option': 'Invalid Option',
  duplicate: 'duplicate_vote',
  stored: 'Vote Successfully!',
}

/** polling.VoteService. */
export function voteService(context: RpcContext, ballotBox: BallotBox): VoteServiceServer {
  return {
    castVote: unary<CastVoteRequest, VoteResponse>(context, 'CastVote', async (request, call) => {
      const invalid = checkCastVote(request)
      if (invalid) return invalid
      const outcome = await ballotBox.castVote(request.uuid, request.userID, request.select_options, call)
      return isFailure(outcome) ? outcome : { value: { status: STATUS[outcome.value] } }
    }),

    castVotes: (call) => call.emit('error', { code: status.UNIMPLEMENTED, details: 'not there yet' }),
  }
}
