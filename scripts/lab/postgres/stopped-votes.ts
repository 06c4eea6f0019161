import type { Tell } from '../steps.ts'
import type { AnyDatabase, DatabaseNode, Lab } from '../topology/topology.ts'
import { ask } from './sql.ts'
import { withStoppedData } from './stopped-data.ts'
import { type LostVote, votesMissing } from './votes.ts'

/** Votes that only a stopped database has, and not the primary. If its data cannot be opened: `VOTES_UNREADABLE`. */
export const votesOnlyOnStopped = (
  tell: Tell,
  lab: Lab,
  primary: AnyDatabase,
  node: DatabaseNode,
): Promise<readonly LostVote[]> =>
  withStoppedData(tell, lab, node, async (there) =>
    // Another cluster in its volume may have no polls at all.
    (await there(HAS_POLLS, 'postgres')) === 't' ? votesMissing((query) => ask(lab, primary, query), there) : [],
  )

const HAS_POLLS = "select exists (select from pg_database where datname = 'polling')"
