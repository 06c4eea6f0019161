import type { PollResponse } from '../../proto/gen/polling.ts'
import type { Poll } from '../store/polls.ts'

/** A poll as the wire contract spells it. */
export function pollMessage(poll: Poll): PollResponse {
  return {
    uuid: poll.id,
    poll_questions: poll.question,
    options: poll.options,
    status: poll.closed ? 'close' : 'open',
    create_at_time: poll.createdAt.toISOString(),
  }
}
