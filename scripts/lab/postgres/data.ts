import { type ContainerState, containersOf, fileOf, hasFile, noteOf } from '../docker/nodes.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'

import { timelinesFrom } from './wal-end.ts'

/**
 * What a database is by the data it has, or is at its next start. `nothing`: there is none. `anew`: it forgets what it
 * has. `follower`: it becomes a standby, or was half-way to it.
 */
export type Data =
  | { readonly is: 'nothing' | 'anew' | 'fenced' | 'follower' | 'standby' }
  | { readonly is: 'primary'; readonly timeline: number }

/** A database, whether or not it runs, and its data. */
export type Holder = { readonly node: DatabaseNode; readonly state: ContainerState; readonly data: Data }

/** Looks at the data of both databases from outside. Both have to have a container. */
export async function lookAtData(lab: Lab): Promise<readonly Holder[]> {
  const containers = await containersOf(lab, lab.databases)
  return Promise.all(
    lab.databases.map(async (node, index) => {
      const state = containers[index]?.state ?? 'absent'
      return { node, state, data: await dataOf(node, state) }
    }),
  )
}

/** What a database is by its data, seen from outside. */
export async function dataOf(node: DatabaseNode, state: ContainerState): Promise<Data> {
  if (await hasFile(node, 'begin-anew')) return { is: 'anew' }
  const note = await noteOf(node)
  if ((note === undefined || note === 'fenced') && !(await hasFile(node, 'PG_VERSION'))) return { is: 'nothing' }
  if (note === 'fenced') return { is: 'fenced' }
  // What a process is to do at its next start it has not done yet.
  const starts = state !== 'running' && state !== 'paused'
  if (isHalfWay(node, note) || (note === 'follow' && starts)) return { is: 'follower' }
  if (await hasFile(node, 'standby.signal')) return { is: 'standby' }
  // The control file is behind after a promotion, until the next checkpoint; the history of a timeline is there at once.
  const [timeline = 1] = await timelinesFrom(node, (await controlFileOf(node))?.timeline ?? 1)
  return { is: 'primary', timeline }
}

/** Whether a note says that a rewind or a copy was begun and did not end: the peer's name comes along with its data. */
export const isHalfWay = ({ peer }: DatabaseNode, note: string | undefined): boolean =>
  note === 'rewind' || note === 'copy' || note === peer

/** What the control file of a stopped database says: whether it was shut down in order, and its last checkpoint. */
export type ControlFile = { readonly shutDown: boolean; readonly checkpoint: bigint; readonly timeline: number }

// The beginning of ControlFileData, the same in versions 13 to 17: identifier 8, versions 4 + 4, state 4, padding 4,
// time 8, checkpoint 8, and of the checkpoint its redo position 8 and timeline 4.
const AT = { state: 16, checkpoint: 32, timeline: 48 } as const
const DB_SHUTDOWNED = 1

/** Reads a stopped database's control file without starting anything on its data; undefined where there is none. */
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
