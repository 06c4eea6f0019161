import { type ContainerState, containersOf } from '../docker/nodes.ts'
import { fileOf, hasFile } from '../docker/volume.ts'
import type { DatabaseName, DatabaseNode, Lab } from '../topology/topology.ts'
import type { Sight } from './sights.ts'
import { isHalfWay, readStartNote } from './start-note.ts'
import { timelinesFrom } from './wal-end.ts'

/**
 * What a database is by its data, or will be at its next start. `nothing`: it has no data. `fresh`: it replaces what it
 * has. `follower`: it becomes a standby, or was half-way to it. `restoring`: it becomes a primary from a backup. `upstream`: whom
 * it follows, or will.
 */
export type Data =
  | { readonly is: 'nothing' | 'fresh' | 'restoring' }
  | { readonly is: 'follower' | 'standby'; readonly upstream: string | undefined }
  | { readonly is: 'primary' | 'fenced'; readonly timeline: number }

/** What each database that does not answer is, according to its data. */
export type Down = Readonly<Partial<Record<DatabaseName, Data>>>

/** A database, whether or not it runs, and its data. */
export type Holder = { readonly node: DatabaseNode; readonly state: ContainerState; readonly data: Data }

/** Reads the data of all databases without starting them. Each needs a container. */
export async function lookAtData(lab: Lab): Promise<readonly Holder[]> {
  const containers = await containersOf(lab, lab.databases)
  return Promise.all(
    lab.databases.map(async (node, index) => {
      const state = containers[index]?.state ?? 'absent'
      return { node, state, data: await dataOf(node, state) }
    }),
  )
}

/** What a database is by its data, without starting it. */
export async function dataOf(node: DatabaseNode, state: ContainerState): Promise<Data> {
  const note = await readStartNote(node)
  if (!note.fenced && note.do === 'fresh') return { is: 'fresh' }
  if (!note.fenced && note.do === 'restore') return { is: 'restoring' }
  if (!note.fenced && isHalfWay(note)) return { is: 'follower', upstream: note.follows ?? note.from }
  if (!(await hasFile(node, 'data/PG_VERSION'))) return { is: 'nothing' }
  if (note.fenced) return { is: 'fenced', timeline: await newestTimeline(node) }
  // While a database runs, a note is for the start after that.
  if (note.do === 'follow' && state !== 'running' && state !== 'paused') return { is: 'follower', upstream: note.from }
  // A primary has the file `upstream` too, from the time before it was promoted.
  if (await hasFile(node, 'data/standby.signal')) return { is: 'standby', upstream: await upstreamOf(node) }
  return { is: 'primary', timeline: await newestTimeline(node) }
}

/** The database that a standby follows from its next start on; upstream.sh writes this file. */
async function upstreamOf(node: DatabaseNode): Promise<string | undefined> {
  const found = await fileOf(node, 'upstream')
  return 'problem' in found ? undefined : found.bytes.toString().trim()
}

/** What those that do not answer are by their data. Only through a container can that be read. */
export async function dataAmong(sights: readonly Sight[]): Promise<Down> {
  const readable = sights.filter(({ facts, state }) => facts === undefined && state !== 'absent')
  return Object.fromEntries(
    await Promise.all(readable.map(async ({ node, state }) => [node.name, await dataOf(node, state)])),
  )
}

/** After a promotion the control file is old until the next checkpoint; the history file of a timeline is there at once. */
export async function newestTimeline(node: DatabaseNode): Promise<number> {
  const [timeline = 1] = await timelinesFrom(node, (await controlFileOf(node))?.timeline ?? 1)
  return timeline
}

/** What the control file of a stopped database says: whether it was shut down in order, and its last checkpoint. */
export type ControlFile = { readonly shutDown: boolean; readonly checkpoint: bigint; readonly timeline: number }

// The first fields of ControlFileData, in bytes, the same in versions 13 to 17: identifier 8, versions 4 + 4, state 4,
// padding 4, time 8, checkpoint 8; then of the checkpoint: redo position 8, timeline 4.
const AT = { state: 16, checkpoint: 32, timeline: 48 } as const
const DB_SHUTDOWNED = 1

/** Reads a stopped database's control file without starting anything on its data; undefined if there is none. */
export async function controlFileOf(node: DatabaseNode): Promise<ControlFile | undefined> {
  const found = await fileOf(node, 'data/global/pg_control')
  if ('problem' in found) return undefined
  const file = found.bytes
  return {
    shutDown: file.readUInt32LE(AT.state) === DB_SHUTDOWNED,
    checkpoint: file.readBigUInt64LE(AT.checkpoint),
    timeline: file.readUInt32LE(AT.timeline),
  }
}
