import type { PollRequest, PollResultResponse, ResultServiceServer } from '../../proto/gen/polling.ts'
import { fail, isFailure } from '../errors.ts'
import type { Reader } from '../reader.ts'
import { consistencyTokenOf } from './metadata.ts'
import { type RpcContext, unary } from './unary.ts'
import { checkUuid } from './validation.ts'

/** polling.ResultService. */
export function resultService(context: RpcContext, reader: Reader): ResultServiceServer {
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
        const tally = result.value
        if (!tally) return fail('POLL_NOT_FOUND', 'uuid: no poll has it')
        return {
          value: {
            uuid: tally.id,
            poll_questions: tally.question,
            // fromEntries defines own properties, so that an option may be called `__proto__`.
            results: Object.fromEntries(tally.options.map((option, index) => [option, tally.votes[index] ?? 0])),
          },
        }
      },
    ),
  }
}
