import { labError } from '../errors.ts'
import type { Lab, Node } from '../topology.ts'
import { act, look, type Tell } from './docker.ts'
import { LAB_LABEL, labelsOf } from './ownership.ts'

/** Says which subnet a finished network was made for; one without it was left half-made. */
const SUBNET_LABEL = 'failover-lab.subnet'

/** The lab's network, by the first three numbers of its addresses. */
export type Network = { readonly prefix: string }

/** The lab's network, made if missing. */
export async function ensureNetwork(tell: Tell, lab: Lab): Promise<Network> {
  const found = await findNetwork(lab)
  if (found !== undefined) return found
  await removeNetwork(tell, lab)
  // Fixed addresses need a subnet that was asked for by name. Which one is free only the engine knows:
  // it sees the routes of the host and of its other networks. So let it choose, then ask for its choice.
  const mine = ['--label', `${LAB_LABEL}=${lab.name}`]
  await act(tell, ['network', 'create', ...mine, lab.network])
  const subnet = await look(['network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', lab.network])
  await act(tell, ['network', 'rm', lab.network])
  await act(tell, [
    'network',
    'create',
    '--subnet',
    subnet,
    ...mine,
    '--label',
    `${SUBNET_LABEL}=${subnet}`,
    lab.network,
  ])
  return networkIn(subnet)
}

/** The lab's network, or undefined where it is missing or half-made. */
export async function findNetwork(lab: Lab): Promise<Network | undefined> {
  const labels = await labelsOf(lab, 'network', lab.network)
  const subnet = labels?.[SUBNET_LABEL]
  return subnet === undefined ? undefined : networkIn(subnet)
}

function networkIn(subnet: string): Network {
  const [address = '', bits = ''] = subnet.split('/')
  if (Number(bits) > 26)
    throw labError('ENGINE_REFUSED', {
      exit: 1,
      command: 'docker network create',
      stderr: `the engine's address pools are too small: ${subnet}, the lab needs /26 or wider (default-address-pools in daemon.json)`,
    })
  return { prefix: address.split('.').slice(0, 3).join('.') }
}

/** The fixed address of a node in its network. */
export const addressOf = (network: Network, node: Pick<Node, 'host'>): string => `${network.prefix}.${node.host}`

/** Removes the lab's network, if there is one. */
export async function removeNetwork(tell: Tell, lab: Lab): Promise<void> {
  if ((await labelsOf(lab, 'network', lab.network)) !== undefined) await act(tell, ['network', 'rm', lab.network])
}
