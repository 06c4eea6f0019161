import { type ContainerState, containersOf, hasFile, noteOf } from '../docker/nodes.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { controlFileOf } from './control-file.ts'
import { timelinesFrom } from './wal-end.ts'

/**
 * What a database is by its data, or will be at its next start. `nothing`: it has no data. `fresh`: it replaces what it
 * has. `follower`: it becomes a standby, or was half-way to it.
 */
export type Data =
  | { readonly is: 'nothing' | 'fresh' | 'fenced' | 'follower' | 'standby' }
  | { readonly is: 'primary'; readonly timeline: number }

/** A database, whether or not it runs, and its data. */
export type Holder = { readonly node: DatabaseNode; readonly state: ContainerState; readonly data: Data }

/** Reads the data of both databases without starting them. Both need a container. */
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
  if (await hasFile(node, 'start-fresh')) return { is: 'fresh' }
  const note = await noteOf(node)
  if ((note === undefined || note === 'fenced') && !(await hasFile(node, 'PG_VERSION'))) return { is: 'nothing' }
  if (note === 'fenced') return { is: 'fenced' }
  // A note for the next start has not been carried out yet.
  const starts = state !== 'running' && state !== 'paused'
  if (isHalfWay(node, note) || (note === 'follow' && starts)) return { is: 'follower' }
  if (await hasFile(node, 'standby.signal')) return { is: 'standby' }
  // After a promotion the control file is old until the next checkpoint; the history file of a timeline is there at once.
  const [timeline = 1] = await timelinesFrom(node, (await controlFileOf(node))?.timeline ?? 1)
  return { is: 'primary', timeline }
}

/** Whether a note says that a rewind or a copy did not end. The note with the peer's name came along with its data. */
export const isHalfWay = ({ peer }: DatabaseNode, note: string | undefined): boolean =>
  note === 'rewind' || note === 'copy' || note === peer

/** A database that must not be started as it is, and the error that says why. */
export type LeftBehind = { readonly node: DatabaseNode; readonly why: 'FENCED' | 'WOULD_SPLIT' }

/** The databases that are down and must not be started: one is fenced, or would be a second primary. */
export const leftBehind = (holders: readonly Holder[]): readonly LeftBehind[] =>
  holders.flatMap(({ node, state, data }): LeftBehind[] => {
    const peer = holders.find((it) => it.node.name === node.peer)
    if (state === 'running' || peer === undefined) return []
    if (data.is === 'fenced') return [{ node, why: 'FENCED' }]
    return wouldSplit(data, peer) ? [{ node, why: 'WOULD_SPLIT' }] : []
  })

/** Every promotion begins a timeline. So of two primaries the one on the lower timeline was left behind. */
function wouldSplit(data: Data, peer: Holder): boolean {
  if (data.is !== 'primary' || peer.data.is !== 'primary') return false
  const runs = peer.state === 'running'
  return data.timeline < peer.data.timeline || (data.timeline === peer.data.timeline && runs)
}
