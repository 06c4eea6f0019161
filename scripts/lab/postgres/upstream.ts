import { act } from '../docker/command.ts'
import type { Tell } from '../steps.ts'
import type { DatabaseNode } from '../topology/topology.ts'
import type { Sight } from './sights.ts'
import { writeStartNote } from './start-note.ts'

/** Points a standby that runs at another database: it streams from there, and still does after a restart. */
export const pointAt = (tell: Tell, node: DatabaseNode, upstream: DatabaseNode): Promise<unknown> =>
  act(tell, ['exec', node.container, 'bash', '/usr/local/bin/follow', upstream.name])

/** Points a standby at another database, now if it answers, else at its next start. */
export const pointSight = async (tell: Tell, { node, facts }: Sight, upstream: DatabaseNode): Promise<void> => {
  if (facts === undefined) await writeStartNote(tell, node, { do: 'follow', from: upstream.name })
  else await pointAt(tell, node, upstream)
}
