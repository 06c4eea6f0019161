import { fileOf, putFile, sizeOf } from '../docker/volume.ts'
import type { Tell } from '../steps.ts'
import {
  type AnyDatabase,
  type DatabaseName,
  type DatabaseNode,
  type Lab,
  othersOf,
  slotOf,
  TOPOLOGY,
} from '../topology/topology.ts'

/**
 * What a database does with its data at its next start. `keep`: it goes on with them. `fresh`: it replaces them by those that
 * its image prepared, as a standby of `from` or, without that, as the primary, with those slots. `follow`: it becomes a standby of `from`,
 * which has all of its data. `rewind`, `copy`: the same, after pg_rewind or a base backup; with `follows` it takes the data from
 * the one and then follows the other. `restore`: it becomes a primary of its own from a backup. `fresh` with `backups` drops all
 * backups first. provisioning/postgres/start-note.sh does it: a new word needs a case there.
 */
type Deed =
  | { readonly do: 'keep' }
  | {
      readonly do: 'fresh'
      readonly from?: DatabaseName
      readonly slots?: readonly string[]
      readonly backups?: 'drop'
    }
  | ({ readonly do: 'restore' } & Restoring)
  | { readonly do: 'follow'; readonly from: DatabaseName }
  | { readonly do: 'rewind' | 'copy'; readonly from: DatabaseName; readonly follows?: DatabaseName }

/** What is restored: a backup, by its label; then all WAL of a timeline (the latest by default), or that up to a target. */
export type Restoring = {
  readonly set: string
  readonly timeline?: string
  readonly until?: 'time' | 'lsn' | 'name'
  readonly target?: string
}

/** `fenced`: before anything else it refuses to start. The rest of the note waits until the fence is gone. */
export type StartNote = Deed & { readonly fenced?: true }

/** Where it is in a database's volume: one line for each key. */
const FILE = 'start-note'

const KEEP: StartNote = { do: 'keep' }

/** The lines of a note; none for a database that goes on with what it has. */
export const formatStartNote = ({ fenced, ...deed }: StartNote): readonly string[] => [
  ...(deed.do === 'keep' ? [] : Object.entries(deed)).map(
    ([key, value]) => `${key}=${Array.isArray(value) ? value.join(' ') : value}`,
  ),
  ...(fenced ? ['fenced=yes'] : []),
]

/** Reads a note as start-note.sh does. With a note that start-note.sh refuses, the database keeps what it has. */
export function parseStartNote(text: string): StartNote {
  const said: Said = Object.fromEntries(text.split('\n').map((line) => line.split('=')))
  const deed = deedOf(said)
  return said['fenced'] ? { ...deed, fenced: true } : deed
}

type Said = Readonly<Record<string, string | undefined>>

function deedOf({ do: what, from, follows, slots, backups, set, timeline, until, target }: Said): Deed {
  if (what === 'fresh' && !from)
    return { do: what, ...(slots ? { slots: slots.split(' ') } : {}), ...(backups === 'drop' ? { backups } : {}) }
  if (what === 'restore' && !from && set)
    return {
      ...{ do: what, set },
      ...(timeline ? { timeline } : {}),
      ...(target && (until === 'time' || until === 'lsn' || until === 'name') ? { until, target } : {}),
    }
  if (!isDatabase(from)) return KEEP
  if (what === 'fresh' || what === 'follow') return { do: what, from }
  if (what !== 'rewind' && what !== 'copy') return KEEP
  return isDatabase(follows) ? { do: what, from, follows } : { do: what, from }
}

const isDatabase = (name: string | undefined): name is DatabaseName =>
  Object.entries(TOPOLOGY).some(([other, { kind }]) => other === name && kind === 'database')

/** Notes in a database's volume, running or not, what it does at its next start. */
export const writeStartNote = (tell: Tell, node: AnyDatabase, note: StartNote): Promise<void> =>
  putFile(tell, node, FILE, formatStartNote(note))

/** What a database, running or not, does at its next start. */
export async function readStartNote(node: AnyDatabase): Promise<StartNote> {
  // Mostly it is empty, and to see that is cheaper than to read it.
  if ((await sizeOf(node, FILE)) === 0) return KEEP
  const found = await fileOf(node, FILE)
  return 'problem' in found ? KEEP : parseStartNote(found.bytes.toString())
}

/** The start notes of those databases. */
export const startNotesOf = async (nodes: readonly DatabaseNode[]): Promise<ReadonlyMap<DatabaseName, StartNote>> =>
  new Map(await Promise.all(nodes.map(async (node) => [node.name, await readStartNote(node)] as const)))

/** The note with which a database starts as in a new lab. */
export const freshStart = (lab: Lab, node: DatabaseNode): StartNote =>
  node.upstream === null
    ? { do: 'fresh', slots: othersOf(lab, node).map(slotOf) }
    : { do: 'fresh', from: node.upstream }

/** The note for a fence: data that are incomplete, or to be replaced, stay so. A change of role is off. */
export const fencedNote = (note: StartNote): StartNote => ({ ...(note.do === 'follow' ? KEEP : note), fenced: true })

/** The note without its fence. */
export const unfencedNote = ({ fenced: _, ...deed }: StartNote): StartNote => deed

/** Whether a rewind or a copy has not ended, so that the data may be incomplete. */
export const isHalfWay = (note: StartNote): note is Extract<StartNote, { do: 'rewind' | 'copy' }> =>
  note.do === 'rewind' || note.do === 'copy'
