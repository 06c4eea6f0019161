import type { PollResponse } from '../../proto/gen/polling.ts'
import type { Poll } from '../store/polls.ts'

/** A poll in the form of the wire contract. */
export function pollMessage(poll: Poll): PollResponse {
  return {
    uuid: poll.id,
    poll_questions: poll.question,
    options: poll.options,
    status: poll.closed ? 'close' : 'open',
    create_at_time: poll.createdAt.toISOString(),
  }
}
