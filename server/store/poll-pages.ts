import type { Call } from '../call.ts'
import type { Database, Statement } from '../cluster/pool.ts'
import { isFailure, type Result } from '../errors.ts'
import type { PageEnd } from '../page-token.ts'
import { parseToken } from '../token.ts'
import { POLL_COLUMNS, type Poll } from './polls.ts'
import { SEEN_UP_TO } from './seen-up-to.ts'

/** Polls, newest first, and the end of the page if there are more. */
export type PollPage = { polls: Poll[]; end: PageEnd | undefined }

// In microseconds like PostgreSQL: a Date would round them, and the order of polls would be lost.
const SELECT_POLL_PAGE: Statement = {
  name: 'select_poll_page',
  text: `
    select ${POLL_COLUMNS}, (extract(epoch from created_at) * 1000000)::bigint as microseconds,
           ${SEEN_UP_TO} as "seenUpTo"
    from poll
    where (created_at, id) < (coalesce(timestamptz 'epoch' + $1::bigint * interval '1 microsecond', 'infinity'),
                              coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
    order by created_at desc, id desc
    limit $3`,
}

/** The polls that come after the end of a page, or the first ones. */
export async function selectPollPage(
  database: Database,
  after: PageEnd | undefined,
  size: number,
  call: Call,
): Promise<Result<PollPage>> {
  // One more poll than wanted shows whether there is a next page.
  const values = [after?.createdAt, after?.id, size + 1]
  const result = await database.read<Poll & { microseconds: string; seenUpTo: string | null }>(
    SELECT_POLL_PAGE,
    values,
    call,
  )
  if (isFailure(result)) return result
  const polls = result.value.slice(0, size)
  const last = polls.at(-1)
  if (!last || result.value.length <= size) return { value: { polls, end: undefined } }
  const seenUpTo = after ? after.seenUpTo : parseToken(last.seenUpTo ?? '')
  return { value: { polls, end: { createdAt: BigInt(last.microseconds), id: last.id, seenUpTo } } }
}
