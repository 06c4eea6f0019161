import { change, changeOver } from '../../access/database.ts'
import type { Session } from '../../access/session.ts'
import type { Tell } from '../../engine/docker.ts'
import { labError } from '../../errors.ts'
import type { DatabaseNode } from '../../topology.ts'
import { slotOf } from '../databases.ts'

/** The timeline that a primary writes, the one that it came from, and where that ended. */
export type Promotion = { readonly timeline: number; readonly parent: number; readonly parted: string }

/** Seconds that a promotion may take, before `patience`. */
const SECONDS = 60

/** Runs what makes a node the primary, the promotion among it, and confirms that it is out of recovery. */
export const promote = async (tell: Tell, node: DatabaseNode, statements: readonly string[]): Promise<Promotion> =>
  promotionOf(node, await change(tell, node, ...statements, WHERE_PARTED))

/** The same over a session that is open already. */
export const promoteOver = async (
  tell: Tell,
  session: Session,
  node: DatabaseNode,
  patience: number,
  statements: readonly string[],
): Promise<Promotion> =>
  promotionOf(node, await changeOver(tell, session, node, SECONDS * patience, ...statements, WHERE_PARTED))

function promotionOf(node: DatabaseNode, answer: string): Promotion {
  const [recovering, timeline, parent, parted] = answer.split('|')
  if (recovering !== 'f' || parted === undefined)
    throw labError('NOT_PROMOTED', { node: node.name, container: node.container, seen: 'it is still in recovery' })
  return { timeline: Number(timeline), parent: Number(parent), parted }
}

/** Promotes a standby; pg_promote() itself would look only every tenth of a second whether it is done. */
export const PROMOTE: readonly string[] = [
  'select pg_promote(false)',
  `do $$ begin
     for look in 1 .. ${SECONDS * 500} loop exit when not pg_is_in_recovery(); perform pg_sleep(0.002); end loop;
   end $$`,
]

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
