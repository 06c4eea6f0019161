import { act } from '../../docker/command.ts'
import { type Container, containersOf, killNode } from '../../docker/nodes.ts'
import { labError } from '../../errors.ts'
import type { Session } from '../../postgres/session.ts'
import { fencedNote, readStartNote, type StartNote, writeStartNote } from '../../postgres/start-note.ts'
import type { Tell } from '../../steps.ts'
import type { DatabaseNode, Lab } from '../../topology/topology.ts'

/**
 * Fences a database: kills it, and notes that it must not start until rejoin brings it back. `note`: its start note, if it was
 * read since the lab was locked.
 */
export async function fence(tell: Tell, lab: Lab, node: DatabaseNode, note?: StartNote): Promise<void> {
  const mark = async () => writeStartNote(tell, node, fencedNote(note ?? (await readStartNote(node))))
  await Promise.all([mark(), putDown(tell, lab, node)])
}

/** Kills a node, also if the engine starts it again and again. */
export async function putDown(tell: Tell, lab: Lab, node: DatabaseNode): Promise<void> {
  const [container] = await containersOf(lab, [node])
  if (container === undefined || hasNoProcess(container)) return
  // The engine does not restart a node that was killed or stopped by a command. The note prevents a start by hand as well.
  if (container.state === 'running' || container.state === 'paused') await killNode(tell, node)
  else await act(tell, ['stop', '--time', '0', node.container])
}

/** Seconds, before `patience`: a failover waits for this, and the engine has proved most already. */
const PROOF_SECONDS = 0.05

/** Proves the fence: the engine has no process of the node, another database gets no connection to it, and its note stays. */
export async function proveFenced(lab: Lab, node: DatabaseNode, other: Session): Promise<void> {
  const [[container], knocked, note] = await Promise.all([
    containersOf(lab, [node]),
    knock(lab, node, other),
    readStartNote(node),
  ])
  if (container === undefined || !hasNoProcess(container))
    throw labError('NOT_FENCED', { node: node.name, seen: `its container is ${container?.state}` })
  if (knocked !== 'closed') throw labError('NOT_FENCED', { node: node.name, seen: `port ${node.port} still answers` })
  // If it was killed while it did what an older note said, it may have written the end of that over the fence.
  if (!note.fenced) throw labError('NOT_FENCED', { node: node.name, seen: 'its start note does not keep it down' })
}

const hasNoProcess = ({ state, pid }: Container): boolean => pid === 0 && (state === 'exited' || state === 'created')

/**
 * Whether a database takes connections over the network: `open` or `closed`. It is tried from another database's node. If its
 * container is gone, nothing can refuse the connection: so no answer within `seconds` (before `patience`) means closed too.
 */
export function knock(lab: Lab, node: DatabaseNode, other: Session, seconds = PROOF_SECONDS): Promise<string> {
  const attempt = `timeout ${seconds * lab.settings.patience} bash -c 'exec 3<>/dev/tcp/${node.name}/${node.port}' </dev/null 2>/dev/null`
  return other.run(`\\! ${attempt} && echo open || echo closed`, (seconds + 5) * lab.settings.patience)
}
