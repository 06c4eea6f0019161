import type { Network } from '../docker/network.ts'
import type { Container, ContainerState } from '../docker/nodes.ts'
import type { Observation } from '../postgres/observe.ts'
import type { Tell } from '../steps.ts'
import type { Lab, Node, NodeName } from '../topology/topology.ts'
import type { Namespace } from './namespace.ts'

/** The other end of a network fault; `host` is everything that is not a node: this machine and whoever comes through it. */
export type Peer = NodeName | 'host'

/** Which way the packets go, as the faulty node sees it. */
export type Way = 'in' | 'out'

/** What of one node shows that a fault is in force. */
export type Evidence = {
  /** For faults of the network. */
  readonly peer?: Peer
  readonly way?: Way
  /** What there is to say about it. */
  readonly detail: string
}

/** One fault in force, as the system shows it. */
export type Fault = {
  readonly kind: string
  readonly node: NodeName
  readonly peer: Peer | null
  readonly way: Way | null
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

/** Values of a kind's options, by their names. */
export type FaultOptions = { readonly [name: string]: string | number | boolean | undefined }

/** One option of a kind, as help and command line show it. */
export type FaultOption = {
  /** Word that stands for its value in help; none if it is a switch. */
  readonly value?: string
  readonly says: string
  /** The words that it takes, or the numbers. */
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
  /** Other nodes, none chosen being all; `host` only where asked for. */
  readonly peers: readonly Peer[]
  readonly options: Options
}

/** One kind of fault: all that the verb, its help, its documentation and healing know about it. */
export type Kind<Name extends string = string, Options extends FaultOptions = FaultOptions> = {
  readonly name: Name
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
  readonly options: { readonly [name in keyof Options]-?: FaultOption }
  /** Does it fit this node, as it is at the moment? */
  readonly isFor: (view: View) => boolean
  /** A method, so that kinds with options of their own stand in one table: each is given those that it lists. */
  inject(tell: Tell, order: Order<Options>): Promise<unknown>
  readonly inForce: (view: View) => readonly Evidence[]
  /** Ends those faults of one node. Whether they are gone is seen by looking again. */
  readonly heal: (tell: Tell, lab: Lab, node: Node, faults: readonly Fault[]) => Promise<unknown>
}

export const anyNode = { fits: 'any node', isFor: () => true } as const

/** What kinds have in common that break a container as a whole. */
export const ofContainer = { ...anyNode, place: 'container', hasPeers: false, hinders: false, options: {} } as const
