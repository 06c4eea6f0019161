import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { act, attempt, failure, type Result } from '../docker/command.ts'
import { confinement } from '../docker/confinement.ts'
import { faultsImage, hasImage } from '../docker/images.ts'
import { labelledHelper } from '../docker/leftovers.ts'
import { type LabError, labError } from '../errors.ts'
import { makeStateFolder, stateFolder } from '../state/folder.ts'
import type { Tell } from '../steps.ts'
import type { Lab, Node } from '../topology/topology.ts'

/** A node's only interface apart from the loopback. */
export const LINK = 'eth0'

/** What is seen in a node's network namespace. */
export type Namespace = {
  /** Packet rules, as `iptables-save` writes them. */
  readonly rules: readonly string[]
  /** Classes and queues of the link, as `tc -j` writes them. */
  readonly classes: readonly TrafficClass[]
  readonly queues: readonly Queue[]
}
export type TrafficClass = { readonly handle: string; readonly rate?: number }
export type Queue = {
  readonly kind: string
  readonly parent?: string
  readonly options?: { readonly delay?: { readonly delay: number }; readonly 'loss-random'?: { readonly loss: number } }
}

const LOOK = `iptables-save -t filter; echo --; tc -j class show dev ${LINK}; echo --; tc -j qdisc show dev ${LINK}`

/** Whether the engine says that a container ended before its namespace could be entered, or meanwhile. */
export const saysEnded = (stderr: string): boolean =>
  /non running container|no such container|is restarting|namespace path: .*no such file/i.test(stderr)

/** A fault that cannot be made, because the node has ended, and with it the namespace. */
export const endedUnder = (node: Node): LabError =>
  labError('FAULT_STATE', { kind: 'a fault of the network', node: node.name, state: 'ending' })

/** Looks into a node's network namespace; undefined if the node, and with it the namespace, has ended meanwhile. */
export async function namespaceOf(lab: Lab, node: Node): Promise<Namespace | undefined> {
  const command = await helper(lab, `container:${node.container}`, LOOK)
  const seen = await attempt(command)
  if (saysEnded(seen.stderr)) return undefined
  // A node that is off its network has no link.
  if (seen.exit !== 0 && !/Cannot find device/.test(seen.stderr)) throw await refusal(lab, command, seen)
  const [rules = '', classes = '', queues = ''] = seen.stdout.split(/^--$/m)
  return {
    rules: rules.split('\n').filter((line) => line.startsWith('-A ')),
    classes: JSON.parse(classes.trim() || '[]'),
    queues: JSON.parse(queues.trim() || '[]'),
  }
}

/** Says that commands of the lab have changed network namespaces. A look into them takes long, and most labs need none. */
const NOTE = 'network-changed'

/** Whether a node that has run since then may have a network fault. */
export const mayHaveFaults = (lab: Lab): Promise<boolean> =>
  stat(join(stateFolder(lab), NOTE)).then(
    () => true,
    () => false,
  )

/** No node has a network fault any more. */
export const noneHasFaults = (lab: Lab): Promise<void> => rm(join(stateFolder(lab), NOTE), { force: true })

/** Runs commands in a node's network namespace, in a container that exists only for them: this needs no root. */
export async function actInNamespace(tell: Tell, lab: Lab, node: Node, commands: readonly string[]): Promise<void> {
  const command = await helper(lab, `container:${node.container}`, commands.join(' && '))
  await writeFile(join(await makeStateFolder(lab), NOTE), '')
  try {
    await act(tell, command)
  } catch {
    // Look again to see whether the kernel lacks something, or the cause is another one.
    const again = await attempt(command)
    throw saysEnded(again.stderr) ? endedUnder(node) : await refusal(lab, command, again)
  }
}

/** Tries commands in an empty namespace, so that it is known before any change whether the kernel can do them. */
export async function rehearse(lab: Lab, commands: readonly string[]): Promise<void> {
  const command = await helper(lab, 'none', commands.join(' && ').replaceAll(`dev ${LINK}`, 'dev lo'))
  const tried = await attempt(command)
  if (tried.exit !== 0) throw await refusal(lab, command, tried)
}

async function helper(lab: Lab, network: string, script: string): Promise<readonly string[]> {
  const { tag } = await faultsImage(lab.settings)
  const confined = [...confinement(HELPER), '--cap-add', 'NET_ADMIN']
  return [
    'run',
    '--rm',
    '--pull',
    'never',
    ...labelledHelper(lab),
    '--network',
    network,
    ...confined,
    tag,
    'sh',
    '-c',
    script,
  ]
}

/** iptables keeps its lock below /run. */
const HELPER = { memoryMiB: 64, uid: 0, scratch: [{ folder: '/run', mebibytes: 1 }] }

const LACKING = /kind is unknown|missing kernel module|No chain\/target\/match|not supported|Protocol not available/i

async function refusal(lab: Lab, command: readonly string[], result: Result) {
  const said = result.stderr.split('\n').find((line) => LACKING.test(line))
  if (said !== undefined) return labError('KERNEL_LACKS', { said: said.replace(/^Error: /, '') })
  const image = await faultsImage(lab.settings)
  if (!(await hasImage(image))) return labError('NOT_SET_UP', { lab: lab.name, missing: `image ${image.tag}` })
  return failure(command, result)
}
