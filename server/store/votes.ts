import type { Call } from '../call.ts'
import type { Database, Statement, Written } from '../cluster/pool.ts'
import type { Result } from '../errors.ts'

/** A vote to be cast. `key` recognises a repeated call. */
export type Ballot = { pollId: string; userId: string; option: string; key: string | undefined }

/** What became of a vote. */
export type VoteOutcome = 'poll not found' | 'poll closed' | 'invalid option' | 'duplicate' | 'stored'

/** What is stored under a vote's key: nothing, the same vote, or another. */
export type KeyOwner = 'nobody' | 'same vote' | 'other vote'

// lock_polls: no vote is stored after its poll has been seen closed.
// All transactions lock in the same order: gates, polls, votes, tallies. The one exception is a key that is used for
// different votes at the same time. If the database then ends a deadlock, the vote is tried again.
// If one user votes several times, the first vote counts: its number decides.
const CAST_VOTES: Statement = {
  name: 'cast_votes',
  text: `
    with ballot as materialized (
      select *
      from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) with ordinality
        as ballot (poll_id, user_id, choice, key, number)
    ), target as materialized (
      select id, options, closed_at is not null as closed from lock_polls($1::uuid[])
    ), judged as materialized (
      select number, poll_id, user_id, key, closed, array_position(options, choice)::smallint as option
      from ballot
      join target on target.id = ballot.poll_id
    ), candidate as materialized (
      select distinct on (poll_id, user_id) number, poll_id, user_id, key, option
      from judged
      where not closed and option is not null
      order by poll_id, user_id, number
    ), stored as (
      insert into vote (poll_id, user_id, option, idempotency_key)
      select poll_id, user_id, option, key from candidate
      on conflict do nothing
      returning poll_id, user_id
    )
    select case when judged.number is null then 'poll not found'
                when judged.closed then 'poll closed'
                when judged.option is null then 'invalid option'
                when stored.poll_id is null then 'duplicate'
                else 'stored' end as outcome
    from ballot
    left join judged using (number)
    left join candidate using (number)
    left join stored on stored.poll_id = candidate.poll_id and stored.user_id = candidate.user_id
    order by number`,
}

// This is a statement of its own: it has to see what others stored while cast_votes ran.
const SELECT_KEY_OWNERS: Statement = {
  name: 'select_key_owners',
  text: `
    select case when vote.poll_id is null then 'nobody'
                when vote.poll_id = ballot.poll_id and vote.user_id = ballot.user_id
                     and poll.options[vote.option] = ballot.choice then 'same vote'
                else 'other vote' end as owner
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) with ordinality
      as ballot (poll_id, user_id, choice, key, number)
    left join vote on vote.idempotency_key = ballot.key
    left join poll on poll.id = vote.poll_id
    order by number`,
}

/** Casts votes in one statement, so in one transaction, as if one after the other; gives one row for each vote, in order. */
export function castVotes(
  database: Database,
  ballots: Ballot[],
  call: Call,
): Promise<Result<Written<{ outcome: VoteOutcome }>>> {
  return database.write<{ outcome: VoteOutcome }>(CAST_VOTES, columnsOf(ballots), call)
}

/** The committed owners of these votes' keys; one row for each vote, in order. */
export function selectKeyOwners(
  database: Database,
  ballots: Ballot[],
  call: Call,
): Promise<Result<{ owner: KeyOwner }[]>> {
  return database.read<{ owner: KeyOwner }>(SELECT_KEY_OWNERS, columnsOf(ballots), call)
}

function columnsOf(ballots: Ballot[]): unknown[] {
  return [
    ballots.map(({ pollId }) => pollId),
    ballots.map(({ userId }) => userId),
    ballots.map(({ option }) => option),
    ballots.map(({ key }) => key),
  ]
}
