import type { PollResultResponse } from '../../proto/gen/polling.ts'
import type { Tally } from '../store/polls.ts'

/** Results in the form of the wire contract. */
export function resultMessage({ id, question, options, votes }: Tally): PollResultResponse {
  return {
    uuid: id,
    poll_questions: question,
    results: new Map(options.map((option, index) => [option, votes[index] ?? 0])),
  }
}
