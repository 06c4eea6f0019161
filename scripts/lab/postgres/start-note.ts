import { fileOf, putFile } from '../docker/volume.ts'
import type { Tell } from '../steps.ts'
import { type DatabaseName, type DatabaseNode, type Lab, othersOf, slotOf, TOPOLOGY } from '../topology/topology.ts'

/**
 * What a database does with its data at its next start. `keep`: it goes on with them. `fresh`: it replaces them by those that
 * its image prepared, as a standby of `from` or, without that, as the primary, with those slots. `follow`: it becomes a standby of `from`,
 * which has all of its data. `rewind`, `copy`: the same, after pg_rewind or a base backup. provisioning/postgres/start-note.sh
 * does it: a new word needs a case there.
 */
type Deed =
  | { readonly do: 'keep' }
  | { readonly do: 'fresh'; readonly from?: DatabaseName; readonly slots?: readonly string[] }
  | { readonly do: 'follow' | 'rewind' | 'copy'; readonly from: DatabaseName }

/** `fenced`: before anything else it refuses to start. The rest of the note waits until the fence is gone. */
export type StartNote = Deed & { readonly fenced?: true }

/** Where it is in a database's volume: one line for each key. */
const FILE = 'start-note'

const KEEP: StartNote = { do: 'keep' }

/** The lines of a note. */
export const formatStartNote = (note: StartNote): readonly string[] => [
  `do=${note.do}`,
  ...('from' in note && note.from !== undefined ? [`from=${note.from}`] : []),
  ...('slots' in note && note.slots !== undefined ? [`slots=${note.slots.join(' ')}`] : []),
  ...(note.fenced ? ['fenced=yes'] : []),
]

/** Reads a note as start-note.sh does. With a note that start-note.sh refuses, the database keeps what it has. */
export function parseStartNote(text: string): StartNote {
  const said: Readonly<Record<string, string | undefined>> = Object.fromEntries(
    text.split('\n').map((line) => line.split('=')),
  )
  const deed = deedOf(said['do'], said['from'], said['slots'])
  return said['fenced'] ? { ...deed, fenced: true } : deed
}

function deedOf(what: string | undefined, from: string | undefined, slots: string | undefined): Deed {
  if (what === 'fresh' && !from) return slots ? { do: what, slots: slots.split(' ') } : { do: what }
  if (!isDatabase(from)) return KEEP
  return what === 'fresh' || what === 'follow' || what === 'rewind' || what === 'copy' ? { do: what, from } : KEEP
}

const isDatabase = (name: string | undefined): name is DatabaseName =>
  Object.entries(TOPOLOGY).some(([other, { kind }]) => other === name && kind === 'database')

/** Notes in a database's volume, running or not, what it does at its next start. */
export const writeStartNote = (tell: Tell, node: DatabaseNode, note: StartNote): Promise<void> =>
  putFile(tell, node, FILE, formatStartNote(note))

/** What a database, running or not, does at its next start. */
export async function readStartNote(node: DatabaseNode): Promise<StartNote> {
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
export const isHalfWay = (note: StartNote): boolean => note.do === 'rewind' || note.do === 'copy'
