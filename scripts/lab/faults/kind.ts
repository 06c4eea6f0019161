import type { Network } from '../docker/network.ts'
import type { Container, ContainerState } from '../docker/nodes.ts'
import type { Observation } from '../postgres/observe.ts'
import type { Tell } from '../steps.ts'
import type { Lab, Node, NodeName } from '../topology/topology.ts'
import type { Namespace } from './namespace.ts'

/** The other end of a network fault. `host` is everything that is not a node: this machine and the clients on and behind it. */
export type Peer = NodeName | 'host'

/** The direction of the packets, seen from the faulty node. */
export type Way = 'in' | 'out'

/** What shows on one node that a fault is in force. */
export type Evidence = {
  /** Only for network faults. */
  readonly peer?: Peer
  readonly way?: Way
  /** Details in words. */
  readonly detail: string
}

/** One fault in force, as it is seen in the system. */
export type Fault = {
  readonly kind: string
  readonly node: NodeName
  readonly peer: Peer | null
  readonly way: Way | null
  readonly detail: string
}

/** Where a kind can be seen. To look at a network takes a container for each node, so only the places asked for are looked at. */
export type Place = 'container' | 'network' | 'database' | 'manager'

/** What became of the Patroni of a database that runs. */
export type Daemon = 'runs' | 'frozen' | 'killed'

/** What was seen of one node. Undefined: not asked for, or not visible while the node is down or frozen. */
export type View = {
  readonly node: Node
  readonly container: Container
  readonly network: Namespace | undefined
  readonly database: Observation | undefined
  /** Undefined too if the manager of the lab is no process of the node. */
  readonly manager: Daemon | undefined
}

/** Values of a kind's options, by their names. */
export type FaultOptions = { readonly [name: string]: string | number | boolean | undefined }

/** One option of a kind, for the help and the command line. */
export type FaultOption = {
  /** The word for its value in the help; none if it is a switch. */
  readonly value?: string
  readonly says: string
  /** The words or numbers that it takes. */
  readonly takes?: readonly string[] | NumberRange
}

export type NumberRange = {
  readonly from: number
  readonly to: number
  readonly unit: string
  readonly whole?: boolean
}

/** What to do to which node. */
export type Order<Options extends FaultOptions = FaultOptions> = {
  readonly lab: Lab
  readonly network: Network
  readonly view: View
  /** The peers: all other nodes if none was named; `host` only if asked for. */
  readonly peers: readonly Peer[]
  readonly options: Options
}

/** One kind of fault: everything that the verb, its help, its documentation and healing use. */
export type Kind<Name extends string = string, Options extends FaultOptions = FaultOptions> = {
  readonly name: Name
  /** What it does to the node, in one line. */
  readonly does: string
  /** Which nodes it fits, in words. */
  readonly fits: string
  readonly place: Place
  /** States of the container in which it can be injected. */
  readonly states: readonly ContainerState[]
  readonly hasPeers: boolean
  /** Whether it can keep a lab from being healthy although all containers run. */
  readonly hinders: boolean
  readonly options: { readonly [name in keyof Options]-?: FaultOption }
  /** Whether it fits this node at the moment. */
  readonly isFor: (view: View) => boolean
  /** It is a method, so that kinds with different options fit into one table: each gets the options that it lists. */
  inject(tell: Tell, order: Order<Options>): Promise<unknown>
  readonly inForce: (view: View) => readonly Evidence[]
  /** Ends these faults of one node. The caller looks again to see whether they are gone. */
  readonly heal: (tell: Tell, lab: Lab, node: Node, faults: readonly Fault[]) => Promise<unknown>
}

export const anyNode = { fits: 'any node', isFor: () => true } as const

/** What kinds that break a whole container have in common. */
export const ofContainer = { ...anyNode, place: 'container', hasPeers: false, hinders: false, options: {} } as const
