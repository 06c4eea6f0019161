import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { LabError } from '../errors.ts'
import type { Secrets } from '../state/secrets.ts'
import type { Tell } from '../steps.ts'
import { type Lab, type Node, TOPOLOGY } from '../topology/topology.ts'
import { type Answer, engine, refusalOf } from './api.ts'
import { act, attempt, failure } from './command.ts'
import { confinement } from './confinement.ts'
import { type Changeable, RESTART } from './differences.ts'
import { putFiles, putSecrets, SECRETS_FOLDER } from './files.ts'
import { type Images, imageOf } from './images.ts'
import { addressOf, type Network } from './network.ts'
import { LAB_LABEL, labelled, labelsOf, NODE_LABEL, nameTaken } from './ownership.ts'

const SPEC_LABEL = 'failover-lab.spec'
const POSTGRES_LABEL = 'failover-lab.postgres'
const ROOT = join(import.meta.dirname, '../../..')

/** Where the data volume is, inside a database's container. */
const DATA_FOLDER = 'var/lib/postgresql/data'

/** Where the server's metrics and readiness are, inside its container. */
const METRICS_PORT = 9464

/** What nodes are made from. */
export type Parts = { readonly images: Images; readonly network: Network; readonly secrets: Secrets }

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
export async function containersOf(lab: Lab, nodes: readonly Node[] = lab.nodes): Promise<readonly Container[]> {
  const found = await containersNamed(lab, nodes)
  const taken = nodes.find((_, index) => found[index] === TAKEN)
  if (taken !== undefined) throw await nameTaken('container', taken.container)
  return found
}

/** The same for a verb that only looks: it gets `TAKEN` for a foreign container. */
export const containersNamed = (lab: Lab, nodes: readonly Node[]): Promise<readonly Container[]> =>
  Promise.all(nodes.map((node) => containerOf(lab, node)))

async function containerOf(lab: Lab, node: Node): Promise<Container> {
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

const refused = (command: readonly string[], answer: Answer): LabError =>
  failure(command, { exit: 1, stdout: '', stderr: refusalOf(answer) })

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

/** Makes a node's container, its volume and its secrets. It does not start the container. */
export async function createNode(tell: Tell, lab: Lab, node: Node, wanted: Creation): Promise<void> {
  await ensureVolume(tell, lab, node)
  await removeSecretsVolume(tell, lab, node)
  await act(tell, wanted.command)
  await putSecrets(tell, lab, node)
}

async function ensureVolume(tell: Tell, lab: Lab, node: Node): Promise<void> {
  if (node.volume === undefined) return
  const asked = lab.settings.postgres
  const labels = await labelsOf(lab, 'volume', node.volume)
  if (labels === undefined) {
    await act(tell, ['volume', 'create', ...labelled(lab), '--label', `${POSTGRES_LABEL}=${asked}`, node.volume])
  }
}

/** Removes the secrets' volume; `docker create` makes an empty one. Another version may have put other secrets there. */
async function removeSecretsVolume(tell: Tell, lab: Lab, { secretsVolume }: Node): Promise<void> {
  if (secretsVolume === undefined) return
  if ((await labelsOf(lab, 'volume', secretsVolume)) !== undefined) await act(tell, ['volume', 'rm', secretsVolume])
}

/** The major version of PostgreSQL that made the data of `node`; undefined if it has none. */
export async function dataVersion(lab: Lab, node: Node): Promise<string | undefined> {
  if (node.volume === undefined) return undefined
  return (await labelsOf(lab, 'volume', node.volume))?.[POSTGRES_LABEL]
}

/** Marks a stopped database: at its next start it replaces its data with what its image prepared. */
export const markToStartFresh = (tell: Tell, node: Node): Promise<void> =>
  putFiles(tell, node, join(ROOT, 'provisioning/postgres'), ['start-fresh'], DATA_FOLDER)

/** What a database does with its data at its next start; `provisioning/postgres/at-next-start` explains the words. */
export type AtNextStart = 'keep' | 'fenced' | 'follow' | 'rewind' | 'copy'

/** Notes in a database's data, running or not, what it does at its next start. */
export const noteForNextStart = (tell: Tell, node: Node, word: AtNextStart): Promise<void> =>
  putFiles(tell, node, join(ROOT, 'provisioning/postgres/at-next-start'), [word], DATA_FOLDER, NOTE)

/** The first word of that note: the node's own name if nothing is to be done; undefined if there is no note. */
export async function noteOf(node: Node): Promise<string | undefined> {
  const found = await fileOf(node, NOTE)
  return 'problem' in found ? undefined : /^[\w-]+/.exec(found.bytes.toString())?.[0]
}

/**
 * A file of a database's data, running or not, without starting anything on it; or why it cannot be read. Of a long file it
 * reads only the first part that is enough.
 */
export async function fileOf(
  node: Node,
  file: string,
  enough: (beginning: Buffer) => boolean = () => false,
): Promise<{ bytes: Buffer } | { problem: string }> {
  const answer = await archived(node, file, enough)
  if (answer.status !== 200) return { problem: refusalOf(answer) }
  // The archive has one file: a header with its size in octal digits, then its content.
  const size = Number.parseInt(answer.body.toString('latin1', 124, 135), 8)
  return { bytes: answer.body.subarray(TAR_HEADER, TAR_HEADER + size) }
}

/** Whether a database's data has such a file, running or not. If the engine does not say so clearly, that is an error. */
export async function hasFile(node: Node, file: string): Promise<boolean> {
  const answer = await archived(node, file, () => true)
  if (answer.status === 200) return true
  if (answer.status === 404 && !/no such container/i.test(refusalOf(answer))) return false
  throw refused(['cp', `${node.container}:/${DATA_FOLDER}/${file}`, '-'], answer)
}

const archived = (node: Node, file: string, enough: (beginning: Buffer) => boolean): Promise<Answer> =>
  engine('GET', `/containers/${node.container}/archive?path=/${DATA_FOLDER}/${file}`, {
    enough: (body) => enough(body.subarray(TAR_HEADER)),
  })

const TAR_HEADER = 512
const NOTE = 'at-next-start'

/** Tells the command and kills all processes of a node. A node without processes stays as it is. */
export async function killNode(tell: Tell, node: Node): Promise<void> {
  const command = ['kill', node.container]
  tell(`docker ${command.join(' ')}`)
  const answer = await engine('POST', `/containers/${node.container}/kill`)
  const hasNone = answer.status === 409
  if (answer.status !== 204 && !hasNone) throw refused(command, answer)
}

/** Starts a node's container, after telling it; one that runs goes on. It is a `NOT_STARTED` error if the engine cannot. */
export async function startNode(tell: Tell, lab: Lab, node: Node): Promise<void> {
  const command = ['start', node.container]
  tell(`docker ${command.join(' ')}`)
  const answer = await engine('POST', `/containers/${node.container}/start`, { seconds: 60 * lab.settings.patience })
  const runs = answer.status === 304
  if (answer.status !== 204 && !runs) throw refused(command, answer)
}

export type Creation = { readonly command: readonly string[]; readonly spec: string }

/** The `docker create` of a node, and a digest of it and of the node's secrets. */
export function creation(lab: Lab, node: Node, { images, network, secrets }: Parts): Creation {
  const { patience } = lab.settings
  const flags = [
    ...['--hostname', node.name, '--network', lab.network, '--network-alias', node.name],
    ...['--ip', addressOf(network, node)],
    // Addresses without DNS, so that a node finds another node that is starting or has long been down.
    ...Object.entries(TOPOLOGY).flatMap(([name, row]) =>
      name === node.name ? [] : ['--add-host', `${name}:${addressOf(network, row)}`],
    ),
    ...['--restart', RESTART, '--stop-timeout', String(node.graceSeconds)],
    ...confinement(node),
    ...['--log-driver', 'json-file', '--log-opt', 'max-size=10m', '--log-opt', 'max-file=3'],
    ...['--health-interval', `${healthInterval(patience)}s`, '--health-timeout', `${3 * patience}s`],
    ...(node.volume === undefined ? [] : ['--volume', `${node.volume}:/${DATA_FOLDER}`]),
    ...(node.secretsVolume === undefined ? [] : ['--mount', secretsMount(lab, node.secretsVolume)]),
    ...(node.publishedPort === undefined
      ? []
      : ['--publish', `${lab.settings.bind}:${node.publishedPort}:${node.port}`]),
    ...Object.entries(environmentOf(lab, node)).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
  ]
  const image = imageOf(images, node)
  const spec = createHash('sha256')
    .update(
      JSON.stringify([
        NODE_LABEL,
        flags,
        image.tag,
        node.kind === 'database' ? secrets : node.secrets.map((name) => secrets[name]),
      ]),
    )
    .digest('hex')
    .slice(0, 16)
  const labels = [...labelled(lab), '--label', `${NODE_LABEL}=${node.name}`, '--label', `${SPEC_LABEL}=${spec}`]
  return { command: ['create', '--name', node.container, ...labels, ...flags, image.tag], spec }
}

const secretsMount = (lab: Lab, volume: string): string =>
  `type=volume,src=${volume},dst=/${SECRETS_FOLDER},volume-label=${LAB_LABEL}=${lab.name}`

/**
 * Seconds between the engine's health checks, which `docker ps` shows; the lab asks nodes itself. For each check the engine
 * starts a process in the container. It takes 0.1 s, but 5 s on an emulated processor: with five nodes half of its time.
 */
const healthInterval = (patience: number): number => 5 * patience * Math.max(1, patience)

function environmentOf(lab: Lab, node: Node): Readonly<Record<string, string>> {
  if (node.kind === 'database') {
    const peer = node.upstream ?? lab.databases.find(({ name }) => name !== node.name)?.name ?? ''
    return { NODE: node.name, PEER: peer, START_AS: node.upstream === null ? 'primary' : 'standby' }
  }
  // These programs count in whole seconds.
  const patience = { PATIENCE: String(Math.max(1, Math.ceil(lab.settings.patience))) }
  if (node.kind === 'loader') return patience
  return {
    ...patience,
    NODE_NAME: node.name,
    PORT: String(node.port),
    METRICS_PORT: String(METRICS_PORT),
    LOCAL_DATABASE: node.database,
    DATABASES: lab.databases.map((database) => `${database.name}:${database.port}`).join(','),
    SERVICE_PASSWORD_FILE: '/run/secrets/service',
    LOG_LEVEL: lab.settings.logLevel,
    GRACE_SECONDS: String(node.graceSeconds - 2),
  }
}

/** Removes the containers of `nodes` and the volumes of databases, as far as they exist. */
export async function removeNodes(tell: Tell, lab: Lab, nodes: readonly Node[]): Promise<void> {
  const containers = await containersOf(lab, nodes)
  const there = nodes.filter((_, index) => containers[index]?.state !== 'absent')
  if (there.length > 0) await act(tell, ['rm', '-f', ...there.map((node) => node.container)])
  const volumes: string[] = []
  for (const volume of nodes.flatMap((node) => [node.volume, node.secretsVolume]))
    if (volume !== undefined && (await labelsOf(lab, 'volume', volume)) !== undefined) volumes.push(volume)
  if (volumes.length > 0) await act(tell, ['volume', 'rm', ...volumes])
}

/** The last lines that a node logged. */
export async function lastLines(node: Node, lines = 8): Promise<string> {
  const { stdout, stderr } = await attempt(['logs', '--tail', String(lines), node.container])
  return `${stdout}\n${stderr}`.trim()
}
