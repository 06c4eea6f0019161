import type { Tell } from '../steps.ts'
import type { Lab, Node } from '../topology/topology.ts'
import { act, attempt, typed } from './command.ts'
import { differencesOf, renamingsOf } from './differences.ts'
import { hasSecrets, putSecrets } from './files.ts'
import { membersOf } from './leftovers.ts'
import { ABSENT, type Container, containersOf, createNode, creation, type Parts } from './nodes.ts'

/** What setup did about a node. `mended`: what was changed by hand was put back while it went on. */
export type Change = 'unchanged' | 'mended' | 'started' | 'made'

/** Whether there is a container at all; one that was created but never started may lack its secrets. */
export const isMade = ({ state }: Container): boolean => !['absent', 'created', 'dead'].includes(state)

/** Makes, remakes or mends a node's container, or finds it as it should be; a new one does not run. */
export async function ensureMade(tell: Tell, lab: Lab, node: Node, parts: Parts): Promise<Exclude<Change, 'started'>> {
  const [container = ABSENT] = await containersOf(lab, [node])
  const wanted = creation(lab, node, parts)
  const differences = container.described ? differencesOf(lab, node, container.described, parts.network) : []
  const mends = differences.map(({ mend }) => mend)
  if (isMade(container) && container.spec === wanted.spec && !mends.includes(undefined)) {
    if (mends.length === 0) return 'unchanged'
    if (await mended(tell, mends)) return 'mended'
  }
  await removeContainer(tell, node.container, container)
  await createNode(tell, lab, node, wanted)
  return 'made'
}

/** Runs those commands; false where the engine refuses one. */
async function mended(tell: Tell, commands: readonly (readonly string[] | undefined)[]): Promise<boolean> {
  for (const command of commands) {
    if (command === undefined) return false
    tell(`docker ${command.map(typed).join(' ')}`)
    if ((await attempt(command)).exit !== 0) return false
  }
  return true
}

async function removeContainer(tell: Tell, name: string, { state }: Pick<Container, 'state'>): Promise<void> {
  // In order, as far as it can: a database that is killed has to recover.
  if (['running', 'paused', 'restarting'].includes(state)) await act(tell, ['stop', name])
  if (state !== 'absent') await act(tell, ['rm', '-f', name])
}

/** Starts or thaws a node's container, or finds it running. Was it started now? */
export async function ensureRunning(tell: Tell, lab: Lab, node: Node): Promise<boolean> {
  const [{ state, restarts } = ABSENT] = await containersOf(lab, [node])
  const robbed = !(await hasSecrets(node))
  if (robbed) await putSecrets(tell, lab, node)
  // One that runs has read them; one that the engine starts again and again runs for moments.
  if (state === 'running' && !(robbed && restarts > 0)) return false
  // One that the engine starts again and again waits longer each time: by hand it is tried at once.
  const verbs: Partial<Record<typeof state, string>> = { paused: 'unpause', restarting: 'restart', running: 'restart' }
  await act(tell, [verbs[state] ?? 'start', node.container])
  return true
}

/** Gives containers of the lab that were renamed their names back, and removes a second one of the same node. */
export async function regainNames(tell: Tell, lab: Lab): Promise<void> {
  for (const renaming of renamingsOf(lab.nodes, await membersOf(lab))) {
    if ('remove' in renaming) await removeContainer(tell, renaming.remove, { state: 'running' })
    else await act(tell, ['rename', renaming.from, renaming.to])
  }
}
