import { addressOf } from '../docker/network.ts'
import { type NodeName, TOPOLOGY } from '../topology/topology.ts'
import { anyNode, type Evidence, type Kind, type Order, type Peer, type View } from './kind.ts'
import { actInNamespace, LINK, rehearse } from './namespace.ts'

type SlowOptions = {
  /** kbit/s. */
  readonly rate?: number
  /** Milliseconds. */
  readonly delay?: number
  /** Percent. */
  readonly loss?: number
}

/** kbit/s by default: a vote still takes milliseconds, but a base backup minutes. */
const DEFAULT_RATE = 1000
/** kbit/s of a link that is only delayed or lossy. */
const UNLIMITED = 10_000_000

/** A class has the last number of its peer's address, so that a look shows which peer it is for. */
const classOf = (peer: NodeName): string => `1:${TOPOLOGY[peer].host}`
const NAMES = Object.keys(TOPOLOGY) as readonly NodeName[]
const nodesOf = (peers: readonly (Peer | null)[]): readonly NodeName[] => NAMES.filter((name) => peers.includes(name))

/** Packets from a node to its peers are limited in rate, delayed or partly lost. */
export const slow: Kind<'slow', SlowOptions> = {
  name: 'slow',
  does: 'limits the rate of what it sends to the peers; if the kernel has netem, it can also delay or lose packets',
  ...anyNode,
  place: 'network',
  states: ['running', 'paused'],
  hasPeers: true,
  hinders: true,
  options: {
    rate: {
      value: 'kbit',
      says: 'kbit/s to each peer (default: 1000, unlimited with --delay or --loss)',
      takes: { from: 8, to: 9_999_999, unit: 'kbit/s', whole: true },
    },
    delay: {
      value: 'ms',
      says: 'delay each packet by this time; needs netem',
      takes: { from: 1, to: 60_000, unit: 'milliseconds', whole: true },
    },
    loss: {
      value: 'percent',
      says: 'lose this share of packets; needs netem',
      takes: { from: 0.01, to: 100, unit: 'percent' },
    },
  },
  inject: async (tell, order) => {
    const commands = [
      `tc qdisc replace dev ${LINK} root handle 1: htb`,
      ...nodesOf(order.peers).flatMap((peer) => limit(order, peer)),
    ]
    await rehearse(order.lab, commands)
    await actInNamespace(tell, order.lab, order.view.node, commands)
  },
  inForce,
  heal: (tell, lab, node, faults) =>
    actInNamespace(tell, lab, node, [
      // The filter goes first: while it exists, the class cannot be deleted. An unfinished class has no filter.
      ...nodesOf(faults.map(({ peer }) => peer)).flatMap((peer) => [
        `{ tc filter del dev ${LINK} parent 1: prio ${TOPOLOGY[peer].host} 2>/dev/null || true; }`,
        `tc class del dev ${LINK} classid ${classOf(peer)}`,
      ]),
      `{ tc class show dev ${LINK} | grep -q . || tc qdisc del dev ${LINK} root; }`,
    ]),
}

function limit({ network, options }: Order<SlowOptions>, peer: NodeName): readonly string[] {
  const { delay, loss } = options
  const netem = delay !== undefined || loss !== undefined
  const rate = options.rate ?? (netem ? UNLIMITED : DEFAULT_RATE)
  const address = addressOf(network, TOPOLOGY[peer])
  return [
    `tc class replace dev ${LINK} parent 1: classid ${classOf(peer)} htb rate ${rate}kbit`,
    ...(netem
      ? [
          `tc qdisc replace dev ${LINK} parent ${classOf(peer)} netem limit 10000` +
            `${delay === undefined ? '' : ` delay ${delay}ms`}${loss === undefined ? '' : ` loss ${loss}%`}`,
        ]
      : []),
    `tc filter replace dev ${LINK} parent 1: protocol ip prio ${TOPOLOGY[peer].host} u32 match ip dst ${address}/32 flowid ${classOf(peer)}`,
  ]
}

function inForce({ network }: View): readonly Evidence[] {
  return (network?.classes ?? []).flatMap(({ handle, rate }) => {
    const peer = NAMES.find((name) => classOf(name) === handle)
    if (peer === undefined) return []
    const netem = network?.queues.find(({ kind, parent }) => kind === 'netem' && parent === handle)?.options
    const kilobits = ((rate ?? 0) * 8) / 1000
    const detail = [
      ...(kilobits < UNLIMITED ? [`${kilobits} kbit/s`] : []),
      ...(netem?.delay === undefined ? [] : [`delayed by ${netem.delay.delay * 1000} ms`]),
      ...(netem?.['loss-random'] === undefined ? [] : [`${netem['loss-random'].loss * 100} % lost`]),
    ]
    return [{ peer, way: 'out', detail: detail.join(', ') }] as const
  })
}
