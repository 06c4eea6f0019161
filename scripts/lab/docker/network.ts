import { labError } from '../errors.ts'
import type { Tell } from '../steps.ts'
import type { Lab, Node } from '../topology/topology.ts'
import { act, look } from './command.ts'
import { labelled, ownThing, type Thing } from './ownership.ts'

/** Says which subnet a finished network was made for; one without it was left half-made. */
const SUBNET_LABEL = 'failover-lab.subnet'

/** The lab's network, by the first three numbers of its addresses; `id` is another one each time that it is made. */
export type Network = { readonly prefix: string; readonly id: string }

/** The lab's network, made if missing. */
export async function ensureNetwork(tell: Tell, lab: Lab): Promise<Network> {
  const found = await findNetwork(lab)
  if (found !== undefined) return found
  await removeNetwork(tell, lab)
  // Fixed addresses need a subnet that was asked for by name. Which one is free only the engine knows:
  // it sees the routes of the host and of its other networks. So let it choose, then ask for its choice.
  await act(tell, ['network', 'create', ...labelled(lab), lab.network])
  const subnet = await look(['network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', lab.network])
  await act(tell, ['network', 'rm', lab.network])
  const labels = [...labelled(lab), '--label', `${SUBNET_LABEL}=${subnet}`]
  const id = await act(tell, ['network', 'create', '--subnet', subnet, ...labels, lab.network])
  return networkIn(subnet, id)
}

/** The lab's network, or undefined where it is missing or half-made. */
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
      stderr: `the engine's address pools are too small: ${subnet}, the lab needs /26 or wider (default-address-pools in daemon.json)`,
    })
  return { prefix: address.split('.').slice(0, 3).join('.'), id }
}

/** The fixed address of a node in its network. */
export const addressOf = (network: Network, node: Pick<Node, 'host'>): string => `${network.prefix}.${node.host}`

type Attached = Thing & { readonly Containers?: Readonly<Record<string, { readonly Name: string }>> }

/** Removes the lab's network, if there is one; whoever is still on it is taken off. */
export async function removeNetwork(tell: Tell, lab: Lab): Promise<void> {
  const found = await ownThing<Attached>(lab, 'network', lab.network)
  if (found === undefined) return
  for (const { Name } of Object.values(found.Containers ?? {}))
    await act(tell, ['network', 'disconnect', '-f', lab.network, Name])
  await act(tell, ['network', 'rm', lab.network])
}
