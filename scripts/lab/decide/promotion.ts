import { change } from '../access/database.ts'
import type { Tell } from '../engine/docker.ts'
import { labError } from '../errors.ts'
import type { DatabaseNode } from '../topology.ts'
import { slotOf } from './databases.ts'

/** The timeline that a primary writes, the one that it came from, and where that ended. */
export type Promotion = { readonly timeline: number; readonly parent: number; readonly parted: string }

/** Runs what makes a node the primary, the promotion among it, and confirms that it is out of recovery. */
export async function promote(tell: Tell, node: DatabaseNode, statements: readonly string[]): Promise<Promotion> {
  const [recovering, timeline, parent, parted] = (await change(tell, node, ...statements, WHERE_PARTED)).split('|')
  if (recovering !== 'f' || parted === undefined)
    throw labError('NOT_PROMOTED', { node: node.name, container: node.container, seen: 'it is still in recovery' })
  return { timeline: Number(timeline), parent: Number(parent), parted }
}

/** Makes the slot of a node on its primary, if it is not there; it keeps WAL from now on. */
export const slotStatements = (node: DatabaseNode): readonly string[] => [
  `select pg_create_physical_replication_slot('${slotOf(node)}', true)
   where not exists (select from pg_replication_slots where slot_name = '${slotOf(node)}')`,
]

// The history file of a timeline says where the one before it ended. Positions of WAL that is written can be asked for
// only out of recovery.
const WHERE_PARTED = `
  select pg_is_in_recovery(), tli, before.timeline, before.ended_at
  from (select ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int as tli) as it,
    lateral (select * from timeline_history(tli) order by timeline desc limit 1) as before`
