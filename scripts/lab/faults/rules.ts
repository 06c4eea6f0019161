import { addressOf, type Network } from '../docker/network.ts'
import type { Tell } from '../steps.ts'
import type { Lab, Node } from '../topology/topology.ts'
import { TOPOLOGY } from '../topology/topology.ts'
import { anyNode, type Evidence, type Fault, type Order, type Peer, type View, type Way } from './kind.ts'
import { actInNamespace } from './namespace.ts'

export type RuleOptions = {
  readonly only?: Way
  /** This machine and its clients too. */
  readonly host?: boolean
}

/** Kinds that are made of packet rules. */
type RuleKind = 'isolate' | 'reject'

const CHAINS = { in: 'INPUT', out: 'OUTPUT' } as const

/** The comment of a rule says which fault it is for, so that it can be found again. */
const COMMENT = /^-A (INPUT|OUTPUT) .*--comment "?failover-lab:([a-z]+):([a-z0-9-]+)"?/

/** The directions that were asked for; both by default. */
export const waysOf = ({ options }: Order<RuleOptions>): readonly Way[] =>
  options.only === undefined ? ['in', 'out'] : [options.only]

/** Matches for the far end of packets in one direction; several if one rule is not enough. */
export function farEnd(network: Network, way: Way, peer: Peer): readonly string[] {
  const end = way === 'in' ? '-s' : '-d'
  if (peer !== 'host') return [`${end} ${addressOf(network, TOPOLOGY[peer])}`]
  // Clients of a published port come from the bridge's address, or from outside the network.
  const link = way === 'in' ? '-i' : '-o'
  return [`${end} ${network.prefix}.1`, `! ${end} ${network.prefix}.0/26 ! ${link} lo`]
}

/** Adds the rules that `rule` gives for each direction and peer, except those that exist already. */
export async function addRules(
  tell: Tell,
  kind: RuleKind,
  order: Order<RuleOptions>,
  rule: (way: Way, peer: Peer) => readonly string[],
): Promise<void> {
  const there = inForceOf(kind, order.view)
  const commands = waysOf(order).flatMap((way) =>
    order.peers
      .filter((peer) => !there.some((fault) => fault.way === way && fault.peer === peer))
      .flatMap((peer) =>
        rule(way, peer).map(
          (text) => `iptables -w -A ${CHAINS[way]} -m comment --comment failover-lab:${kind}:${peer} ${text}`,
        ),
      ),
  )
  if (commands.length > 0) await actInNamespace(tell, order.lab, order.view.node, commands)
}

/** The faults that a node's rules of that kind make, one for each peer and direction. */
export function inForceOf(kind: RuleKind, { network }: View): readonly Evidence[] {
  const seen = (network?.rules ?? []).flatMap((rule) => {
    const [, chain, of, peer] = COMMENT.exec(rule) ?? []
    return of === kind ? [`${chain === 'INPUT' ? 'in' : 'out'} ${peer}`] : []
  })
  const detail = kind === 'isolate' ? 'packets are dropped' : 'connections are refused'
  return [...new Set(seen)].map((text) => {
    const [way, peer] = text.split(' ') as [Way, Peer]
    return { peer, way, detail }
  })
}

/** Removes the rules that make those faults. */
async function removeRules(tell: Tell, lab: Lab, node: Node, faults: readonly Fault[]): Promise<void> {
  // In both directions, and every copy: a command that was interrupted and repeated may have added a rule twice.
  const marks = Map.groupBy(faults, ({ kind }) => kind)
  const commands = [...marks].map(([kind, of]) => {
    const peers = [...new Set(of.map(({ peer }) => peer))].join('|')
    return `iptables-save -t filter | grep -E 'failover-lab:${kind}:(${peers})[" ]' | sed 's/^-A/iptables -w -D/' | sh -e`
  })
  await actInNamespace(tell, lab, node, commands)
}

/** What kinds that are made of packet rules have in common. */
export const ofRules = {
  ...anyNode,
  place: 'network',
  states: ['running', 'paused'],
  hasPeers: true,
  hinders: true,
  options: {
    only: { value: 'way', says: 'one direction only, seen from the node (default: both)', takes: ['in', 'out'] },
    host: { says: 'also this machine and the clients that come through the published port' },
  },
  heal: removeRules,
} as const
