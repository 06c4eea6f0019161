import type { Tell } from '../steps.ts'
import type { AnyNode, Lab } from '../topology/topology.ts'
import { engine, refused } from './api.ts'
import { attempt } from './command.ts'
import type { Changeable } from './differences.ts'
import { LAB_LABEL, nameTaken, SPEC_LABEL } from './ownership.ts'

/** State of a container as the engine sees it; `absent` if there is none. */
export type ContainerState = 'absent' | 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'

export type Container = {
  readonly state: ContainerState
  /** The exit code of its process, if it has ended. */
  readonly exitCode: number
  /** The pid of its first process on this machine; 0 if it has none. */
  readonly pid: number
  /** When it last ended. */
  readonly finishedAt: string | undefined
  /** Digest of everything that the container was made from. */
  readonly spec: string | undefined
  readonly startedAt: string | undefined
  /** How often the engine has restarted it since the last start by a command. */
  readonly restarts: number
  /** The image that it was made from. */
  readonly image: string
  /** What may have been changed since it was made; undefined if there is no container. */
  readonly described: Changeable | undefined
}

/** The value for a missing container. */
export const ABSENT: Container = {
  state: 'absent',
  exitCode: 0,
  pid: 0,
  finishedAt: undefined,
  spec: undefined,
  startedAt: undefined,
  restarts: 0,
  image: '',
  described: undefined,
}

/** A container that is not of this lab has its name. */
export const TAKEN: Container = { ...ABSENT }

/** The containers of `nodes`, in their order, in one look. A foreign container with such a name is a `NAME_TAKEN` error. */
export async function containersOf(lab: Lab, nodes: readonly AnyNode[] = lab.nodes): Promise<readonly Container[]> {
  const found = await containersNamed(lab, nodes)
  const taken = nodes.find((_, index) => found[index] === TAKEN)
  if (taken !== undefined) throw await nameTaken('container', taken.container)
  return found
}

/** The same for a verb that only looks: it gets `TAKEN` for a foreign container. */
export const containersNamed = (lab: Lab, nodes: readonly AnyNode[]): Promise<readonly Container[]> =>
  Promise.all(nodes.map((node) => containerOf(lab, node)))

async function containerOf(lab: Lab, node: AnyNode): Promise<Container> {
  const answer = await engine('GET', `/containers/${node.container}/json`)
  if (answer.status === 404) return ABSENT
  if (answer.status !== 200) throw refused(['container', 'inspect', node.container], answer)
  const it: Inspected = JSON.parse(answer.body.toString())
  if (it.Config.Labels?.[LAB_LABEL] !== lab.name) return TAKEN
  return {
    state: it.State.Status,
    exitCode: it.State.ExitCode,
    pid: it.State.Pid,
    finishedAt: it.State.FinishedAt,
    spec: it.Config.Labels[SPEC_LABEL],
    startedAt: it.State.StartedAt,
    restarts: it.RestartCount,
    image: it.Config.Image,
    described: it,
  }
}

type Inspected = Changeable & {
  readonly RestartCount: number
  readonly Config: { readonly Image: string; readonly Labels: Readonly<Record<string, string>> | null }
  readonly State: {
    readonly Status: ContainerState
    readonly ExitCode: number
    readonly Pid: number
    readonly FinishedAt: string
    readonly StartedAt: string
  }
}

/** Tells the command and kills all processes of a node. A node without processes stays as it is. */
export async function killNode(tell: Tell, node: AnyNode): Promise<void> {
  const command = ['kill', node.container]
  tell(`docker ${command.join(' ')}`)
  const answer = await engine('POST', `/containers/${node.container}/kill`)
  const hasNone = answer.status === 409
  if (answer.status !== 204 && !hasNone) throw refused(command, answer)
}

/** Starts a node's container, after telling it; one that runs goes on. It is a `NOT_STARTED` error if the engine cannot. */
export async function startNode(tell: Tell, lab: Lab, node: AnyNode): Promise<void> {
  const command = ['start', node.container]
  tell(`docker ${command.join(' ')}`)
  const answer = await engine('POST', `/containers/${node.container}/start`, { seconds: 60 * lab.settings.patience })
  const runs = answer.status === 304
  if (answer.status !== 204 && !runs) throw refused(command, answer)
}

/** The last lines that a node logged. */
export async function lastLines(node: AnyNode, lines = 8): Promise<string> {
  const { stdout, stderr } = await attempt(['logs', '--tail', String(lines), node.container])
  return `${stdout}\n${stderr}`.trim()
}
