import type { Observation } from '../access/database.ts'
import type { Tell } from '../engine/docker.ts'
import type { Network } from '../engine/network.ts'
import type { Container, ContainerState } from '../engine/nodes.ts'
import type { Lab, Node, NodeName } from '../topology.ts'
import type { Namespace } from './namespace.ts'

export type KindName = 'crash' | 'stop' | 'freeze' | 'isolate' | 'reject' | 'slow' | 'replay-pause' | 'slot'

/** The other end of a network fault; `host` is everything that is not a node: this machine and whoever comes through it. */
export type Peer = NodeName | 'host'

/** Which way the packets go, as the faulty node sees it. */
export type Way = 'in' | 'out'

/** One fault in force, as the system shows it. */
export type Fault = {
  readonly kind: KindName
  readonly node: NodeName
  /** For faults of the network. */
  readonly peer: Peer | null
  readonly way: Way | null
  /** What there is to say about it. */
  readonly detail: string
}

/** Where a kind shows. A look at a network costs a container for each node, so only what is asked for is looked at. */
export type Place = 'container' | 'network' | 'database'

/** What was seen of one node; undefined is what was not asked, or cannot be seen while the node is down or frozen. */
export type View = {
  readonly node: Node
  readonly container: Container
  readonly network: Namespace | undefined
  readonly database: Observation | undefined
}

export type FaultOptions = {
  readonly only?: Way
  readonly host?: boolean
  /** kbit/s. */
  readonly rate?: number
  /** Milliseconds. */
  readonly delay?: number
  /** Percent. */
  readonly loss?: number
  /** MiB. */
  readonly fill?: number
}

/** What to do to which node. */
export type Order = {
  readonly lab: Lab
  readonly network: Network
  readonly view: View
  /** Other nodes, none chosen being all; `host` only where asked for. */
  readonly peers: readonly Peer[]
  readonly options: FaultOptions
}

/** One kind of fault: all that the verb, its help, its documentation and healing know about it. */
export type Kind = {
  readonly name: KindName
  /** What happens to the node, in a line. */
  readonly does: string
  /** Which nodes it fits, in words. */
  readonly fits: string
  readonly place: Place
  /** States of the container in which it can be brought about. */
  readonly states: readonly ContainerState[]
  readonly hasPeers: boolean
  /** Can it keep a lab from being healthy where all containers run? */
  readonly hinders: boolean
  readonly options: readonly (keyof FaultOptions)[]
  /** Does it fit this node, as it is at the moment? */
  readonly isFor: (view: View) => boolean
  readonly inject: (tell: Tell, order: Order) => Promise<unknown>
  readonly inForce: (view: View) => readonly Fault[]
  /** Ends those faults of one node. Whether they are gone is seen by looking again. */
  readonly heal: (tell: Tell, lab: Lab, node: Node, faults: readonly Fault[]) => Promise<unknown>
}

export const anyNode = { fits: 'any node', isFor: () => true } as const

/** What kinds have in common that befall a container as a whole. */
export const ofContainer = { ...anyNode, place: 'container', hasPeers: false, hinders: false, options: [] } as const
