import { type DatabaseNode, slotOf } from '../topology/topology.ts'

/**
 * Makes the slot of a node on another database, if it is not there; it keeps WAL from now on. Each database also makes and moves
 * its own slots (provisioning/postgres/move-slots.sh), but not at once, and not the one that it streams over.
 */
export const slotStatements = (node: DatabaseNode): readonly string[] => [
  `select pg_create_physical_replication_slot('${slotOf(node)}', true)
   where not exists (select from pg_replication_slots where slot_name = '${slotOf(node)}')`,
]

/** Removes a node's slot if nobody uses it. */
export const dropSlot = (node: DatabaseNode): readonly string[] => [
  `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '${slotOf(node)}' and not active`,
]

/** Removes a node's slot if it is lost: it keeps nothing any more. */
export const dropLostSlot = (node: DatabaseNode): readonly string[] => [
  `select pg_drop_replication_slot(slot_name) from pg_replication_slots
   where slot_name = '${slotOf(node)}' and wal_status = 'lost' and not active`,
]
