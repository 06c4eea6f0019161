import type { Lab, Node } from '../topology/topology.ts'
import { PROCESSES } from './confinement.ts'
import { addressOf, type Network } from './network.ts'

/** The part of the engine's description of a container that a `docker` command can change later. */
export type Changeable = {
  /** The id of its image. */
  readonly Image: string
  readonly Config: { readonly Hostname: string; readonly Image: string }
  readonly HostConfig: {
    readonly RestartPolicy: { readonly Name: string }
    readonly Memory: number
    readonly MemorySwap: number
    readonly PidsLimit: number | null
    readonly NanoCpus: number
    readonly CpuQuota: number
    readonly CpuShares: number
    readonly CpusetCpus: string
  }
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, Attachment>> | null
  }
}
type Attachment = {
  readonly NetworkID: string
  readonly IPAMConfig: { readonly IPv4Address?: string } | null
  readonly Aliases: readonly string[] | null
}

/** What all nodes' containers are made with. */
export const RESTART = 'unless-stopped'

/** One difference between a container and the topology. */
export type Difference = {
  readonly what: string
  /** Whether it keeps the node from its work. */
  readonly hinders: boolean
  /** The arguments of `docker` that repair it; none if the container has to be made again. */
  readonly mend: readonly string[] | undefined
}

/**
 * Compares the engine's description of a node's container with the topology, as far as a command can change the container
 * later. What it was made from is compared by the digest in its label.
 */
export function differencesOf(
  lab: Lab,
  node: Node,
  it: Changeable,
  network: Network | undefined,
  /** The id of the image that has the tag that it was made from; undefined if there is none. */
  image: string | undefined,
): readonly Difference[] {
  if (network === undefined) return [made(`its network ${lab.network} is missing`, true)]
  const { container, memoryMiB } = node
  const host = it.HostConfig
  const memory = memoryMiB * 2 ** 20
  const attached = it.NetworkSettings.Networks ?? {}
  const own = attached[lab.network]
  const address = addressOf(network, node)
  const others = Object.keys(attached).filter((name) => name !== lab.network)
  const update = (...changes: readonly string[]) => ['update', ...changes, container]
  const found: readonly (Difference | false)[] = [
    it.Config.Hostname !== node.name && made(`it was made as ${it.Config.Hostname}`, true),
    own === undefined && made(`it is not on the network ${lab.network}`, true),
    own !== undefined &&
      own.NetworkID !== '' &&
      own.NetworkID !== network.id &&
      made(`it is on a network ${lab.network} that has been removed`, true),
    own !== undefined &&
      own.IPAMConfig?.IPv4Address !== address &&
      made(`its address is ${own.IPAMConfig?.IPv4Address ?? 'not fixed'} instead of ${address}`, true),
    own !== undefined && !own.Aliases?.includes(node.name) && made(`others cannot find it as ${node.name}`, true),
    // This also counts if the image was only built again: the container has to run the image that has the tag now.
    image !== undefined && it.Image !== image && made(`it runs another image than ${it.Config.Image} is now`, false),
    ...others.map((name) => ({
      what: `it is also on the network ${name}`,
      hinders: false,
      mend: ['network', 'disconnect', name, container],
    })),
    host.RestartPolicy.Name !== RESTART && {
      what: `its restart policy is ${host.RestartPolicy.Name || 'no'} instead of ${RESTART}`,
      hinders: false,
      mend: update('--restart', RESTART),
    },
    (host.Memory !== memory || host.MemorySwap !== memory) && {
      what: `its memory is limited to ${sizeOf(host.Memory)} instead of ${memoryMiB} MiB`,
      hinders: false,
      mend: update('--memory', `${memoryMiB}m`, '--memory-swap', `${memoryMiB}m`),
    },
    host.PidsLimit !== PROCESSES && {
      what: `it may have ${host.PidsLimit ?? 'any number of'} processes instead of ${PROCESSES}`,
      hinders: false,
      mend: update('--pids-limit', String(PROCESSES)),
    },
    (host.NanoCpus !== 0 || host.CpuQuota > 0 || host.CpuShares !== 0 || host.CpusetCpus !== '') &&
      // A limit on processor time can be changed, but not removed.
      made('its processor time is limited', false),
  ]
  return found.filter((difference) => difference !== false)
}

/** The differences that keep the node from its work, in words; empty if there are none or there is no container. */
export const hinderingOf = (
  lab: Lab,
  node: Node,
  { described }: { readonly described: Changeable | undefined },
  network: Network | undefined,
): string =>
  (described === undefined ? [] : differencesOf(lab, node, described, network, described.Image))
    .flatMap(({ hinders, what }) => (hinders ? [what] : []))
    .join('; ')

const made = (what: string, hinders: boolean): Difference => ({ what, hinders, mend: undefined })

const sizeOf = (bytes: number): string => (bytes === 0 ? 'nothing' : `${Math.round(bytes / 2 ** 20)} MiB`)

/** A container of the lab: its name, and the node that it was made for. */
export type Named = { readonly name: string; readonly node: string }

/** What to do with a container that does not have its node's name. */
export type Renaming =
  | { readonly from: string; readonly to: string }
  /** A second container of the same node: both would work on the same data. */
  | { readonly remove: string }

/** Gives each container its node's name back. If another node's container has the name, that one is renamed first. */
export function renamingsOf(
  nodes: readonly Pick<Node, 'name' | 'container'>[],
  there: readonly Named[],
): readonly Renaming[] {
  const nameOf = (node: string) => nodes.find(({ name }) => name === node)?.container
  const right = new Set(there.filter(({ name, node }) => nameOf(node) === name).map(({ node }) => node))
  const away: Renaming[] = []
  const back: Renaming[] = []
  for (const { name, node } of there) {
    const to = nameOf(node)
    if (to === undefined || to === name) continue
    if (right.has(node)) {
      away.push({ remove: name })
      continue
    }
    right.add(node)
    const held = nodes.some(({ container }) => container === name)
    const free = held ? `${to}-renamed` : name
    if (held) away.push({ from: name, to: free })
    back.push({ from: free, to })
  }
  return [...away, ...back]
}
