import type { Metadata } from '@grpc/grpc-js'
import type { ListPollsPageRequest, ListPollsPageResponse } from '../../proto/gen/polling.ts'
import type { Call } from '../call.ts'
import { invalidField, isFailure } from '../errors.ts'
import { pageToken, parsePageToken } from '../page-token.ts'
import type { Reader } from '../reader.ts'
import { consistencyTokenOf } from './metadata.ts'
import { pollMessage } from './poll-message.ts'
import type { Reply } from './unary.ts'
import { LIMITS } from './validation.ts'

const DEFAULT_SIZE = 100

/** PollService.ListPollsPage. */
export function listPollsPage(reader: Reader) {
  return async (
    request: ListPollsPageRequest,
    call: Call,
    metadata: Metadata,
  ): Promise<Reply<ListPollsPageResponse>> => {
    const { page_size, page_token } = request
    if (page_size < 0) return invalidField('page_size', 'must not be negative')
    const after = page_token === '' ? undefined : parsePageToken(page_token)
    if (page_token !== '' && !after) return invalidField('page_token', 'must be the next_page_token of a page')
    const token = consistencyTokenOf(metadata)
    if (isFailure(token)) return token
    const size = Math.min(page_size || DEFAULT_SIZE, LIMITS.pagePolls)
    const page = await reader.pollPage(after, size, token.value, call)
    if (isFailure(page)) return page
    const { polls, end } = page.value
    return { value: { polls: polls.map(pollMessage), next_page_token: end ? pageToken(end) : '' } }
  }
}
