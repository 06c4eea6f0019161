import { act } from '../docker/command.ts'
import type { Tell } from '../steps.ts'
import type { DatabaseNode } from '../topology/topology.ts'
import { dataOf } from './data.ts'
import type { Sight } from './sights.ts'
import { dropLostSlot, slotStatements } from './slots.ts'
import { change } from './sql.ts'
import { isHalfWay, readStartNote, writeStartNote } from './start-note.ts'

/** Points a standby that runs at another database: it streams from there, and still does after a restart. */
export const pointAt = (tell: Tell, node: DatabaseNode, upstream: DatabaseNode): Promise<unknown> =>
  act(tell, ['exec', node.container, 'bash', '/usr/local/bin/follow', upstream.name])

/** The same; before that it makes the slot that the standby streams over. */
export async function moveTo(tell: Tell, node: DatabaseNode, upstream: DatabaseNode): Promise<void> {
  await change(tell, upstream, ...dropLostSlot(node), ...slotStatements(node))
  await pointAt(tell, node, upstream)
}

/** Points a standby at another database, now if it answers, else at its next start. */
export const pointSight = async (tell: Tell, { node, facts }: Sight, upstream: DatabaseNode): Promise<void> => {
  if (facts === undefined) await writeStartNote(tell, node, { do: 'follow', from: upstream.name })
  else await pointAt(tell, node, upstream)
}

/**
 * The database that a standby has to follow, as it was told last; undefined if it is no standby. One that was frozen while the
 * others were pointed at a new primary still follows the old one, but its start note names the new one.
 */
export async function upstreamChosen({ node, state, facts }: Sight): Promise<string | undefined> {
  if (facts?.inRecovery === false) return undefined
  const note = await readStartNote(node)
  if (note.do === 'follow') return note.from
  if (isHalfWay(note) && note.follows !== undefined) return note.follows
  if (facts !== undefined) return facts.upstream ?? undefined
  const data = await dataOf(node, state)
  return data.is === 'standby' ? data.upstream : undefined
}
