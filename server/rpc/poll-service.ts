import type {
  CreatePollRequest,
  Empty,
  ListPollsPageRequest,
  ListPollsPageResponse,
  ListPollsResponse,
  PollRequest,
  PollResponse,
  PollServiceServer,
} from '../../proto/gen/polling.ts'
import type { BallotBox, WrittenPoll } from '../ballot-box.ts'
import { fail, isFailure, type Result } from '../errors.ts'
import type { Reader } from '../reader.ts'
import { consistencyTokenOf, idempotencyKeyOf } from './metadata.ts'
import { pollMessage } from './poll-message.ts'
import { listPollsPage } from './poll-pages.ts'
import { type Reply, type RpcContext, unary } from './unary.ts'
import { checkCreatePoll, checkUuid } from './validation.ts'

/** polling.PollService. */
export function pollService(context: RpcContext, ballotBox: BallotBox, reader: Reader): PollServiceServer {
  return {
    createPoll: unary<CreatePollRequest, PollResponse>(context, 'CreatePoll', async (request, call, metadata) => {
      const key = idempotencyKeyOf(metadata)
      if (isFailure(key)) return key
      const invalid = checkCreatePoll(request)
      if (invalid) return invalid
      return pollReply(await ballotBox.createPoll(request.poll_questions, request.options, key.value, call))
    }),

    listPolls: unary<Empty, ListPollsResponse>(context, 'ListPolls', async (_request, call, metadata) => {
      const token = consistencyTokenOf(metadata)
      if (isFailure(token)) return token
      const polls = await reader.listPolls(token.value, call)
      return isFailure(polls) ? polls : { value: { polls: polls.value.map(pollMessage) } }
    }),

    listPollsPage: unary<ListPollsPageRequest, ListPollsPageResponse>(context, 'ListPollsPage', listPollsPage(reader)),

    closePoll: unary<PollRequest, PollResponse>(context, 'ClosePoll', async (request, call) => {
      const invalid = checkUuid(request.uuid)
      if (invalid) return invalid
      return pollReply(await ballotBox.closePoll(request.uuid, call))
    }),
  }
}

function pollReply(result: Result<WrittenPoll | undefined>): Reply<PollResponse> {
  if (isFailure(result)) return result
  if (!result.value) return fail('POLL_NOT_FOUND', 'uuid: no poll has it')
  return { value: pollMessage(result.value.poll), token: result.value.token }
}
