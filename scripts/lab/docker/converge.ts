import type { Tell } from '../steps.ts'
import type { Lab, Node } from '../topology/topology.ts'
import { act, attempt, typed } from './command.ts'
import { createNode, creation, type Parts } from './creation.ts'
import { differencesOf, renamingsOf } from './differences.ts'
import { idOf, imageOf } from './images.ts'
import { ownContainers } from './leftovers.ts'
import { ABSENT, type Container, containersOf, startNode } from './nodes.ts'
import { hasSecrets, putSecrets } from './secrets.ts'

/** What setup did to a node. `repaired`: a change by hand was undone while the node ran on. */
export type Change = 'unchanged' | 'repaired' | 'started' | 'made'

/** Whether the container can be used: one that was created but never started may lack its secrets. */
export const isMade = ({ state }: Container): boolean => !['absent', 'created', 'dead'].includes(state)

/** Makes, remakes or repairs a node's container, or finds it as it should be. It does not start a new one. */
export async function ensureMade(tell: Tell, lab: Lab, node: Node, parts: Parts): Promise<Exclude<Change, 'started'>> {
  const [container = ABSENT] = await containersOf(lab, [node])
  const wanted = creation(lab, node, parts)
  const image = await idOf(imageOf(parts.images, node).tag)
  const differences = container.described ? differencesOf(lab, node, container.described, parts.network, image) : []
  const mends = differences.map(({ mend }) => mend)
  if (isMade(container) && container.spec === wanted.spec && !mends.includes(undefined)) {
    if (mends.length === 0) return 'unchanged'
    if (await mended(tell, mends)) return 'repaired'
  }
  await removeContainer(tell, node.container, container)
  await createNode(tell, lab, node, wanted)
  return 'made'
}

/** Runs those commands; false if the engine refuses one. */
async function mended(tell: Tell, commands: readonly (readonly string[] | undefined)[]): Promise<boolean> {
  for (const command of commands) {
    if (command === undefined) return false
    tell(`docker ${command.map(typed).join(' ')}`)
    if ((await attempt(command)).exit !== 0) return false
  }
  return true
}

async function removeContainer(tell: Tell, name: string, { state }: Pick<Container, 'state'>): Promise<void> {
  // With a clean shutdown if possible: a database that is killed has to recover.
  if (['running', 'paused', 'restarting'].includes(state)) await act(tell, ['stop', name])
  if (state !== 'absent') await act(tell, ['rm', '-f', name])
}

/** Starts or thaws a node's container, or finds it running. Gives whether it was started now. `made`: it has its secrets. */
export async function ensureRunning(tell: Tell, lab: Lab, node: Node, made: boolean): Promise<boolean> {
  const [{ state, restarts } = ABSENT] = await containersOf(lab, [node])
  const robbed = !made && !(await hasSecrets(node))
  if (robbed) await putSecrets(tell, lab, node)
  // A node that runs has read its secrets. A node that is started again and again runs for moments only.
  if (state === 'running' && !(robbed && restarts > 0)) return false
  // The engine waits longer before each restart of a container. A restart by hand comes at once.
  const verbs: Partial<Record<typeof state, string>> = { paused: 'unpause', restarting: 'restart', running: 'restart' }
  const verb = verbs[state]
  if (verb === undefined) await startNode(tell, lab, node)
  else await act(tell, [verb, node.container])
  return true
}

/** Gives renamed containers of the lab their names back, and removes a second container of the same node. */
export async function regainNames(tell: Tell, lab: Lab): Promise<void> {
  for (const renaming of renamingsOf(lab.nodes, await ownContainers(lab))) {
    if ('remove' in renaming) await removeContainer(tell, renaming.remove, { state: 'running' })
    else await rename(tell, renaming.from, renaming.to)
  }
}

/** The engine refuses to rename a container that it starts again and again, but not one that is stopped. */
async function rename(tell: Tell, from: string, to: string): Promise<void> {
  const command = ['rename', from, to]
  tell(`docker ${command.map(typed).join(' ')}`)
  if ((await attempt(command)).exit === 0) return
  await act(tell, ['stop', from])
  await act(tell, command)
}
