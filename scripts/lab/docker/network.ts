import { labError } from '../errors.ts'
import type { Tell } from '../steps.ts'
import type { Lab, Node } from '../topology/topology.ts'
import { act, look } from './command.ts'
import { labelled, ownThing, type Thing } from './ownership.ts'

/** Label with the subnet of a finished network; a network without it is unfinished. */
const SUBNET_LABEL = 'failover-lab.subnet'

/** The lab's network: the first three numbers of its addresses; `id` changes each time that the network is made. */
export type Network = { readonly prefix: string; readonly id: string }

/** Gives the lab's network, and makes it if it is missing. */
export async function ensureNetwork(tell: Tell, lab: Lab): Promise<Network> {
  const found = await findNetwork(lab)
  if (found !== undefined) return found
  await removeNetwork(tell, lab)
  // Fixed addresses need a network that was made with a given subnet. Only the engine knows which subnet is free: it sees
  // the routes of the host and of its other networks. So let it choose one, then make the network again with that one.
  await act(tell, ['network', 'create', ...labelled(lab), lab.network])
  const subnet = await look(['network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', lab.network])
  await act(tell, ['network', 'rm', lab.network])
  const labels = [...labelled(lab), '--label', `${SUBNET_LABEL}=${subnet}`]
  const id = await act(tell, ['network', 'create', '--subnet', subnet, ...labels, lab.network])
  return networkIn(subnet, id)
}

/** The lab's network, or undefined if it is missing or unfinished. */
export async function findNetwork(lab: Lab): Promise<Network | undefined> {
  const found = await ownThing(lab, 'network', lab.network)
  const subnet = found?.Labels?.[SUBNET_LABEL]
  return subnet === undefined ? undefined : networkIn(subnet, found?.Id ?? '')
}

function networkIn(subnet: string, id: string): Network {
  const [address = '', bits = ''] = subnet.split('/')
  if (Number(bits) > 26)
    throw labError('ENGINE_REFUSED', {
      exit: 1,
      command: 'docker network create',
      stderr: `the engine's address pools are too small: ${subnet}, but the lab needs /26 or larger (default-address-pools in daemon.json)`,
    })
  return { prefix: address.split('.').slice(0, 3).join('.'), id }
}

/** The fixed address of a node in its network. */
export const addressOf = (network: Network, node: Pick<Node, 'host'>): string => `${network.prefix}.${node.host}`

type Attached = Thing & { readonly Containers?: Readonly<Record<string, { readonly Name: string }>> }

/** Removes the lab's network if there is one. Containers that are still on it are disconnected. */
export async function removeNetwork(tell: Tell, lab: Lab): Promise<void> {
  const found = await ownThing<Attached>(lab, 'network', lab.network)
  if (found === undefined) return
  for (const { Name } of Object.values(found.Containers ?? {}))
    await act(tell, ['network', 'disconnect', '-f', lab.network, Name])
  await act(tell, ['network', 'rm', lab.network])
}
