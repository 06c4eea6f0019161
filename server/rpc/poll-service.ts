import type {
  CreatePollRequest,
  Empty,
  ListPollsResponse,
  PollRequest,
  PollResponse,
  PollServiceServer,
} from '../../proto/gen/polling.ts'
import type { BallotBox } from '../ballot-box.ts'
import { fail, isFailure, type Result } from '../errors.ts'
import type { Reader } from '../reader.ts'
import type { Poll } from '../store/polls.ts'
import { type RpcContext, unary } from './unary.ts'
import { checkCreatePoll, checkUuid } from './validation.ts'

/** polling.PollService. */
export function pollService(context: RpcContext, ballotBox: BallotBox, reader: Reader): PollServiceServer {
  return {
    createPoll: unary<CreatePollRequest, PollResponse>(context, 'CreatePoll', async (request, call) => {
      const invalid = checkCreatePoll(request)
      if (invalid) return invalid
      return pollResponse(await ballotBox.createPoll(request.poll_questions, request.options, call))
    }),

    listPolls: unary<Empty, ListPollsResponse>(context, 'ListPolls', async (_request, call) => {
      const polls = await reader.listPolls(call)
      return isFailure(polls) ? polls : { value: { polls: polls.value.map(pollMessage) } }
    }),

    closePoll: unary<PollRequest, PollResponse>(context, 'ClosePoll', async (request, call) => {
      const invalid = checkUuid(request.uuid)
      if (invalid) return invalid
      return pollResponse(await ballotBox.closePoll(request.uuid, call))
    }),
  }
}

function pollResponse(result: Result<Poll | undefined>): Result<PollResponse> {
  if (isFailure(result)) return result
  return result.value ? { value: pollMessage(result.value) } : fail('POLL_NOT_FOUND', 'uuid: no poll has it')
}

function pollMessage(poll: Poll): PollResponse {
  return {
    uuid: poll.id,
    poll_questions: poll.question,
    options: poll.options,
    status: poll.closed ? 'close' : 'open',
    create_at_time: poll.createdAt.toISOString(),
  }
}
