import { fileOf } from '../docker/nodes.ts'
import type { DatabaseNode } from '../topology/topology.ts'

/** What the control file of a stopped database says: whether it was shut down in order, and its last checkpoint. */
export type ControlFile = { readonly shutDown: boolean; readonly checkpoint: bigint; readonly timeline: number }

// The first fields of ControlFileData, in bytes, the same in versions 13 to 17: identifier 8, versions 4 + 4, state 4,
// padding 4, time 8, checkpoint 8; then of the checkpoint: redo position 8, timeline 4.
const AT = { state: 16, checkpoint: 32, timeline: 48 } as const
const DB_SHUTDOWNED = 1

/** Reads a stopped database's control file without starting anything on its data; undefined if there is none. */
export async function controlFileOf(node: DatabaseNode): Promise<ControlFile | undefined> {
  const found = await fileOf(node, 'global/pg_control')
  if ('problem' in found) return undefined
  const file = found.bytes
  return {
    shutDown: file.readUInt32LE(AT.state) === DB_SHUTDOWNED,
    checkpoint: file.readBigUInt64LE(AT.checkpoint),
    timeline: file.readUInt32LE(AT.timeline),
  }
}
