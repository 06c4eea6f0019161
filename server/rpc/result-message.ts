import type { PollResultResponse } from '../../proto/gen/polling.ts'
import type { Tally } from '../store/polls.ts'

/** Results as the wire contract spells them. */
export function resultMessage({ id, question, options, votes }: Tally): PollResultResponse {
  return {
    uuid: id,
    poll_questions: question,
    results: new Map(options.map((option, index) => [option, votes[index] ?? 0])),
  }
}
