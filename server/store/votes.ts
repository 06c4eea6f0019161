import type { Call } from '../call.ts'
import type { Database, Statement } from '../cluster/pool.ts'
import { isFailure, type Result } from '../errors.ts'

/** What became of a vote. */
export type VoteOutcome = 'poll not found' | 'poll closed' | 'invalid option' | 'duplicate' | 'stored'

// FOR SHARE, not FOR KEY SHARE: only the former waits for a ClosePoll under way, and makes one wait for this vote,
// so that no vote is stored after the poll has been seen closed.
const CAST_VOTE: Statement = {
  name: 'cast_vote',
  kind: 'write',
  text: `
    with target as (
      select closed_at is not null as closed, array_position(options, $3) as option
      from poll
      where id = $1
      for share
    ), stored as (
      insert into vote (poll_id, user_id, option)
      select $1, $2, option from target where not closed and option is not null
      on conflict do nothing
      returning 1
    )
    select case when closed then 'poll closed'
                when option is null then 'invalid option'
                when exists (select from stored) then 'stored'
                else 'duplicate' end as outcome
    from target`,
}

/** Casts a vote and decides what becomes of it in one statement, thus in one transaction. */
export async function castVote(
  database: Database,
  vote: { pollId: string; userId: string; option: string },
  call: Call,
): Promise<Result<VoteOutcome>> {
  const result = await database.run<{ outcome: VoteOutcome }>(CAST_VOTE, [vote.pollId, vote.userId, vote.option], call)
  return isFailure(result) ? result : { value: result.value[0]?.outcome ?? 'poll not found' }
}
