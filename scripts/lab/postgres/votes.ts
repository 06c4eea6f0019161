import type { AnyDatabase, Lab } from '../topology/topology.ts'
import { ask } from './sql.ts'

/** A vote: its poll and user, its option, and when it was cast. */
export type LostVote = {
  readonly poll: string
  readonly question: string
  readonly user: string
  readonly option: string
  readonly at: string
}

/** How a database is asked: SQL in, lines out. */
export type Asked = (query: string) => Promise<string>

// One sum for each poll, so that only the votes of polls that differ are fetched.
const BY_POLL = `
  select poll_id || '|' || count(*) || '|' || sum(hashtextextended(user_id || '/' || option, 0)) from vote group by poll_id`

const votesOf = (polls: readonly string[]): string => `
  select json_build_object('poll', poll.id, 'question', question, 'user', user_id, 'option', options[option], 'at', cast_at)
  from vote join poll on poll.id = poll_id
  where poll.id in (${polls.map((id) => `'${id}'`).join(', ')}) order by cast_at, poll.id, user_id`

/** Votes that `there` has and `here` lacks, or has with another option; oldest first. */
export async function votesMissing(here: Asked, there: Asked): Promise<readonly LostVote[]> {
  const [ours, theirs] = await Promise.all([here(BY_POLL), there(BY_POLL)])
  const known = new Set(linesOf(ours))
  const polls = linesOf(theirs)
    .filter((line) => !known.has(line))
    .map((line) => line.slice(0, line.indexOf('|')))
  if (polls.length === 0) return []
  const [kept, all] = await Promise.all([here(votesOf(polls)), there(votesOf(polls))])
  const keyOf = ({ poll, user, option }: LostVote) => JSON.stringify([poll, user, option])
  const keptKeys = new Set(parse(kept).map(keyOf))
  return parse(all).filter((vote) => !keptKeys.has(keyOf(vote)))
}

/** Votes that only the first of two running databases has. */
export const votesOnlyOn = (lab: Lab, node: AnyDatabase, other: AnyDatabase): Promise<readonly LostVote[]> =>
  votesMissing(
    (query) => ask(lab, other, query),
    (query) => ask(lab, node, query),
  )

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '')
const parse = (text: string): LostVote[] => linesOf(text).map((line) => JSON.parse(line) as LostVote)
