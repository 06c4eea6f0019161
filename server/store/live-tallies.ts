import type { Call } from '../call.ts'
import type { Database, Statement } from '../cluster/pool.ts'
import { isFailure, type Result } from '../errors.ts'
import type { Counts } from '../live/counts.ts'
import { parseToken } from '../token.ts'
import { type Tally, VOTES_BY_OPTION } from './polls.ts'
import { SEEN_UP_TO } from './seen-up-to.ts'

/** A poll and its counts. */
export type LiveTally = Omit<Tally, 'votes'> & { counts: Counts }

type CountsRow = { id: string; votes: number[]; closed: boolean; seenUpTo: string | null }

const COUNTS_COLUMNS = `id, ${VOTES_BY_OPTION} as votes, closed_at is not null as closed, ${SEEN_UP_TO} as "seenUpTo"`

const SELECT_LIVE_TALLY: Statement = {
  name: 'select_live_tally',
  text: `select question, options, ${COUNTS_COLUMNS} from poll where id = $1`,
}

const SELECT_COUNTS: Statement = {
  name: 'select_counts',
  text: `select ${COUNTS_COLUMNS} from poll where id = any ($1::uuid[])`,
}

/** A poll and its counts; undefined if there is no such poll. */
export async function selectLiveTally(
  database: Database,
  id: string,
  call: Call,
): Promise<Result<LiveTally | undefined>> {
  const result = await database.read<CountsRow & { question: string; options: string[] }>(SELECT_LIVE_TALLY, [id], call)
  if (isFailure(result)) return result
  const row = result.value[0]
  return {
    value: row && { id: row.id, question: row.question, options: row.options, counts: countsOf(row) },
  }
}

/** The counts of these polls, by id, without polls that do not exist. */
export async function selectCounts(
  database: Database,
  ids: string[],
  call: Call,
): Promise<Result<Map<string, Counts>>> {
  const result = await database.read<CountsRow>(SELECT_COUNTS, [ids], call)
  return isFailure(result) ? result : { value: new Map(result.value.map((row) => [row.id, countsOf(row)])) }
}

function countsOf({ votes, closed, seenUpTo }: CountsRow): Counts {
  return { votes, closed, seenUpTo: parseToken(seenUpTo ?? '') }
}
