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

/** A rule tells what it is for in its comment: by that it is found again. */
const COMMENT = /^-A (INPUT|OUTPUT) .*--comment "?failover-lab:([a-z]+):([a-z-]+)"?/

/** The ways that were asked for, both unless said otherwise. */
export const waysOf = ({ options }: Order<RuleOptions>): readonly Way[] =>
  options.only === undefined ? ['in', 'out'] : [options.only]

/** Whose packets: matches for the far end of a packet that goes `way`; several where one rule cannot say it. */
export function farEnd(network: Network, way: Way, peer: Peer): readonly string[] {
  const end = way === 'in' ? '-s' : '-d'
  if (peer !== 'host') return [`${end} ${addressOf(network, TOPOLOGY[peer])}`]
  // A published port's clients come from the bridge's own address, or from outside the network.
  const link = way === 'in' ? '-i' : '-o'
  return [`${end} ${network.prefix}.1`, `! ${end} ${network.prefix}.0/26 ! ${link} lo`]
}

/** Adds rules to a node: for each way and peer those that `rule` gives, without what is there already. */
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

/** The faults that a node's rules of that kind make, one for each peer and way. */
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
export async function removeRules(tell: Tell, lab: Lab, node: Node, faults: readonly Fault[]): Promise<void> {
  // Rules of both ways, and as often as they are there: an interrupted command may have been given again.
  const marks = Map.groupBy(faults, ({ kind }) => kind)
  const commands = [...marks].map(([kind, of]) => {
    const peers = [...new Set(of.map(({ peer }) => peer))].join('|')
    return `iptables-save -t filter | grep -E 'failover-lab:${kind}:(${peers})[" ]' | sed 's/^-A/iptables -w -D/' | sh -e`
  })
  await actInNamespace(tell, lab, node, commands)
}

/** What kinds have in common that are made of packet rules. */
export const ofRules = {
  ...anyNode,
  place: 'network',
  states: ['running', 'paused'],
  hasPeers: true,
  hinders: true,
  options: {
    only: { value: 'way', says: 'one way only, as the node sees it (default: both ways)', takes: ['in', 'out'] },
    host: { says: 'this machine and its clients too, who come through the published port' },
  },
  heal: removeRules,
} as const
