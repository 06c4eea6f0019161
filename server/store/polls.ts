import type { Call } from '../call.ts'
import type { Database, Statement } from '../cluster/pool.ts'
import { isFailure, type Result } from '../errors.ts'

/** A poll as stored. Options are numbered from 1 in votes. */
export type Poll = { id: string; question: string; options: string[]; createdAt: Date; closed: boolean }

/** A poll's options with their votes, in option order. */
export type Tally = { id: string; question: string; options: string[]; votes: number[] }

const POLL_COLUMNS = 'id, question, options, created_at as "createdAt", closed_at is not null as closed'

const INSERT_POLL: Statement = {
  name: 'insert_poll',
  kind: 'write',
  text: `insert into poll (id, question, options) values ($1, $2, $3) returning ${POLL_COLUMNS}`,
}

const SELECT_POLLS: Statement = {
  name: 'select_polls',
  kind: 'read',
  text: `select ${POLL_COLUMNS} from poll order by created_at desc, id desc`,
}

// coalesce: closing twice keeps the time of the first.
const CLOSE_POLL: Statement = {
  name: 'close_poll',
  kind: 'write',
  text: `update poll set closed_at = coalesce(closed_at, now()) where id = $1 returning ${POLL_COLUMNS}`,
}

const SELECT_TALLY: Statement = {
  name: 'select_tally',
  kind: 'read',
  text: `
    select id, question, options, array(
             select count(vote.option)::int
             from generate_series(1, cardinality(poll.options)) as choice (number)
             left join vote on vote.poll_id = poll.id and vote.option = choice.number
             group by choice.number
             order by choice.number
           ) as votes
    from poll
    where id = $1`,
}

/** Stores a new, open poll. */
export async function insertPoll(
  database: Database,
  poll: { id: string; question: string; options: string[] },
  call: Call,
): Promise<Result<Poll | undefined>> {
  return firstRow(await database.run<Poll>(INSERT_POLL, [poll.id, poll.question, poll.options], call))
}

/** All polls, newest first. */
export function selectPolls(database: Database, call: Call): Promise<Result<Poll[]>> {
  return database.run<Poll>(SELECT_POLLS, [], call)
}

/** Closes the poll, again if it is closed; undefined where there is none. */
export async function closePoll(database: Database, id: string, call: Call): Promise<Result<Poll | undefined>> {
  return firstRow(await database.run<Poll>(CLOSE_POLL, [id], call))
}

/** Counts the votes of a poll; undefined where there is none. */
export async function selectTally(database: Database, id: string, call: Call): Promise<Result<Tally | undefined>> {
  return firstRow(await database.run<Tally>(SELECT_TALLY, [id], call))
}

function firstRow<Row>(result: Result<Row[]>): Result<Row | undefined> {
  return isFailure(result) ? result : { value: result.value[0] }
}
