import type { PollRequest, PollResultResponse, ResultServiceServer } from '../../proto/gen/polling.ts'
import { fail, isFailure } from '../errors.ts'
import type { LiveResults } from '../live/live-results.ts'
import type { Reader } from '../reader.ts'
import { followResults } from './follow-results.ts'
import { consistencyTokenOf } from './metadata.ts'
import { resultMessage } from './result-message.ts'
import { type RpcContext, unary } from './unary.ts'
import { checkUuid } from './validation.ts'

/** polling.ResultService. */
export function resultService(context: RpcContext, reader: Reader, live: LiveResults): ResultServiceServer {
  return {
    getPollResults: unary<PollRequest, PollResultResponse>(
      context,
      'GetPollResults',
      async (request, call, metadata) => {
        const token = consistencyTokenOf(metadata)
        if (isFailure(token)) return token
        const invalid = checkUuid(request.uuid)
        if (invalid) return invalid
        const result = await reader.tally(request.uuid, token.value, call)
        if (isFailure(result)) return result
        return result.value ? { value: resultMessage(result.value) } : fail('POLL_NOT_FOUND', 'uuid: no poll has it')
      },
    ),

    followResults: followResults(context, live),
  }
}
