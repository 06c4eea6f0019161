import { type DatabaseNode, slotOf } from '../topology/topology.ts'

/** Makes the slot of a node on its primary, if it is not there; it keeps WAL from now on. */
export const slotStatements = (node: DatabaseNode): readonly string[] => [
  `select pg_create_physical_replication_slot('${slotOf(node)}', true)
   where not exists (select from pg_replication_slots where slot_name = '${slotOf(node)}')`,
]
