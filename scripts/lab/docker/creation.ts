import { createHash } from 'node:crypto'
import type { Secrets } from '../state/secrets.ts'
import type { Tell } from '../steps.ts'
import { type AnyNode, DATABASE_NAMES, type Lab, SCOPE, TOPOLOGY } from '../topology/topology.ts'
import { act } from './command.ts'
import { confinement } from './confinement.ts'
import { create, createVolume } from './create.ts'
import { RESTART } from './differences.ts'
import { type Images, imageOf } from './images.ts'
import { addressOf, type Network } from './network.ts'
import { containersOf } from './nodes.ts'
import { LAB_LABEL, labelled, labelsOf, NODE_LABEL, SPEC_LABEL } from './ownership.ts'
import { putSecrets, SECRETS_FOLDER } from './secrets.ts'
import { BACKUPS_FOLDER, STORE_FOLDER, VOLUME_FOLDER } from './volume.ts'

const POSTGRES_LABEL = 'failover-lab.postgres'

/** Where the server's metrics and readiness are, inside its container. */
const METRICS_PORT = 9464

/** What the engine has to be told so that a node may use the repository of backups. */
const RIGHTS = { write: '', read: ':ro' } as const

/** Where a node's volume is, if it has one. */
const FOLDERS = { database: VOLUME_FOLDER, store: STORE_FOLDER, server: '', loader: '' } as const

/** What nodes are made from. */
export type Parts = { readonly images: Images; readonly network: Network; readonly secrets: Secrets }

/** Makes a node's container, its volume and its secrets. It does not start the container. */
export async function createNode(tell: Tell, lab: Lab, node: AnyNode, wanted: Creation): Promise<void> {
  await ensureVolumes(tell, lab, node)
  await removeSecretsVolume(tell, lab, node)
  await create(tell, node.container, wanted.args)
  await putSecrets(tell, lab, node)
}

async function ensureVolumes(tell: Tell, lab: Lab, node: AnyNode): Promise<void> {
  const of = node.kind === 'database' ? ['--label', `${POSTGRES_LABEL}=${lab.settings.postgres}`] : []
  for (const volume of [node.volume, node.kind === 'database' ? lab.backupsVolume : undefined])
    if (volume !== undefined && (await labelsOf(lab, 'volume', volume)) === undefined)
      await createVolume(tell, volume, [...labelled(lab), ...of])
}

/** Removes the secrets' volume; `docker create` makes an empty one. Another version may have put other secrets there. */
async function removeSecretsVolume(tell: Tell, lab: Lab, { secretsVolume }: AnyNode): Promise<void> {
  if (secretsVolume === undefined) return
  if ((await labelsOf(lab, 'volume', secretsVolume)) !== undefined) await act(tell, ['volume', 'rm', secretsVolume])
}

/** The major version of PostgreSQL that made the data of `node`; undefined if it has none. */
export async function dataVersion(lab: Lab, node: AnyNode): Promise<string | undefined> {
  if (node.volume === undefined) return undefined
  return (await labelsOf(lab, 'volume', node.volume))?.[POSTGRES_LABEL]
}

/** The arguments of a node's `docker create` after its name, and a digest of them and of the node's secrets. */
export type Creation = { readonly args: readonly string[]; readonly spec: string }

/** How a node's container is made. */
export function creation(lab: Lab, node: AnyNode, { images, network, secrets }: Parts): Creation {
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
    ...(node.volume === undefined ? [] : ['--volume', `${node.volume}:${FOLDERS[node.kind]}`]),
    ...(node.kind !== 'database' ? [] : ['--volume', `${lab.backupsVolume}:${BACKUPS_FOLDER}${RIGHTS[node.backups]}`]),
    ...(node.secretsVolume === undefined ? [] : ['--mount', secretsMount(lab, node.secretsVolume)]),
    ...(node.kind === 'loader' ? KEEPALIVE : []).flatMap((setting) => ['--sysctl', `net.ipv4.tcp_${setting}`]),
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
  return { args: [...labels, ...flags, image.tag], spec }
}

const secretsMount = (lab: Lab, volume: string): string =>
  `type=volume,src=${volume},dst=/${SECRETS_FOLDER},volume-label=${LAB_LABEL}=${lab.name}`

/**
 * When a server loses its network, no packet tells the balancer. It keeps the connections, and each of them would cost a call
 * later. With these settings the kernel asks on each idle one every 2 s, and ends it after three questions without an answer.
 */
const KEEPALIVE = ['keepalive_time=2', 'keepalive_intvl=1', 'keepalive_probes=3']

/**
 * Seconds between the engine's health checks, which `docker ps` shows; the lab asks nodes itself. For each check the engine
 * starts a process in the container. It takes 0.1 s: for five nodes twice as much as what they need to wait for work. On an
 * emulated processor it takes 5 s.
 */
const healthInterval = (patience: number): number => Math.max(15, 5 * patience ** 2)

/** All other databases that a lab can have: a container learns of a new standby without being made again. */
const peersOf = ({ name }: Pick<AnyNode, 'name'>): readonly string[] => DATABASE_NAMES.filter((other) => other !== name)

const storesOf = ({ stores }: Lab): Readonly<Record<string, string>> =>
  stores.length === 0 ? {} : { STORES: stores.map(({ name }) => name).join(' '), SCOPE }

function environmentOf(lab: Lab, node: AnyNode): Readonly<Record<string, string>> {
  if (node.kind === 'database') {
    // A database beside the lab has no slots on those of the lab.
    const peers = node.name === lab.restored.name ? [] : peersOf(node)
    return { NODE: node.name, UPSTREAM: node.upstream ?? '', PEERS: peers.join(' '), ...storesOf(lab) }
  }
  if (node.kind === 'store') return { NODE: node.name, ...storesOf(lab) }
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
export async function removeNodes(tell: Tell, lab: Lab, nodes: readonly AnyNode[]): Promise<void> {
  const containers = await containersOf(lab, nodes)
  const there = nodes.filter((_, index) => containers[index]?.state !== 'absent')
  if (there.length > 0) await act(tell, ['rm', '-f', ...there.map((node) => node.container)])
  await removeVolumes(
    tell,
    lab,
    nodes.flatMap((node) => [node.volume, node.secretsVolume]),
  )
}

/** Removes those volumes of the lab that exist. */
export async function removeVolumes(tell: Tell, lab: Lab, asked: readonly (string | undefined)[]): Promise<void> {
  const volumes: string[] = []
  for (const volume of asked)
    if (volume !== undefined && (await labelsOf(lab, 'volume', volume)) !== undefined) volumes.push(volume)
  if (volumes.length > 0) await act(tell, ['volume', 'rm', ...volumes])
}
