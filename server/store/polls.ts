import type { Call } from '../call.ts'
import type { Database, Statement, Written } from '../cluster/pool.ts'
import type { Result } from '../errors.ts'

/** A poll as stored. Options are numbered from 1 in votes. */
export type Poll = { id: string; question: string; options: string[]; createdAt: Date; closed: boolean }

/** A poll's options with their votes, in option order. */
export type Tally = { id: string; question: string; options: string[]; votes: number[] }

/** The columns of a Poll. */
export const POLL_COLUMNS = 'id, question, options, created_at as "createdAt", closed_at is not null as closed'

const INSERT_POLL: Statement = {
  name: 'insert_poll',
  text: `
    insert into poll (id, question, options, idempotency_key) values ($1, $2, $3, $4)
    on conflict (idempotency_key) where idempotency_key is not null do nothing
    returning ${POLL_COLUMNS}`,
}

// The lock makes this a transaction that is durable when it is answered: then the poll is durable too.
const SELECT_POLL_BY_KEY: Statement = {
  name: 'select_poll_by_key',
  text: `select ${POLL_COLUMNS} from lock_polls(array(select id from poll where idempotency_key = $1))`,
}

const SELECT_POLLS: Statement = {
  name: 'select_polls',
  text: `select ${POLL_COLUMNS} from poll order by created_at desc, id desc`,
}

const CLOSE_POLL: Statement = {
  name: 'close_poll',
  text: `select ${POLL_COLUMNS} from close_poll($1)`,
}

/** SQL for the votes of a row of poll, in option order. */
export const VOTES_BY_OPTION = `array(
  select coalesce(sum(tally.votes), 0)::int
  from generate_series(1, cardinality(poll.options)) as choice (number)
  left join tally on tally.poll_id = poll.id and tally.option = choice.number
  group by choice.number
  order by choice.number
)`

const SELECT_TALLIES: Statement = {
  name: 'select_tallies',
  text: `
    select id, question, options, ${VOTES_BY_OPTION} as votes
    from poll
    where id = any ($1::uuid[])`,
}

/** The data of a new poll. `key` recognises a repeated call. */
export type NewPoll = { id: string; question: string; options: string[]; key: string | undefined }

/** Stores a new, open poll; no row if a poll has its key already. */
export async function insertPoll(database: Database, poll: NewPoll, call: Call): Promise<Result<Written<Poll>>> {
  return database.write<Poll>(INSERT_POLL, [poll.id, poll.question, poll.options, poll.key], call)
}

/** The poll that was created with the key. */
export async function selectPollByKey(database: Database, key: string, call: Call): Promise<Result<Written<Poll>>> {
  return database.write<Poll>(SELECT_POLL_BY_KEY, [key], call)
}

/** All polls, newest first. */
export function selectPolls(database: Database, call: Call): Promise<Result<Poll[]>> {
  return database.read<Poll>(SELECT_POLLS, [], call)
}

/** Closes the poll, also if it is closed already; no row if there is none. */
export async function closePoll(database: Database, id: string, call: Call): Promise<Result<Written<Poll>>> {
  return database.write<Poll>(CLOSE_POLL, [id], call)
}

/** The votes of these polls by option, without polls that do not exist. */
export function selectTallies(database: Database, ids: string[], call: Call): Promise<Result<Tally[]>> {
  return database.read<Tally>(SELECT_TALLIES, [ids], call)
}
