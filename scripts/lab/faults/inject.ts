import { changing } from '../docker/leftovers.ts'
import { findNetwork } from '../docker/network.ts'
import { labError } from '../errors.ts'
import type { Reporter } from '../steps.ts'
import { inLarger, type Lab, type Node, type NodeName } from '../topology/topology.ts'
import { repeated } from '../visible.ts'
import type { FaultOptions, Kind, Peer } from './kind.ts'
import { faultsIn } from './kinds.ts'
import { endedUnder } from './namespace.ts'
import { assertThere, viewsOf } from './views.ts'

/** A fault that somebody asks for. */
export type Wish = {
  readonly kind: Kind
  readonly node: string
  /** Other nodes; none means all of them. */
  readonly peers: readonly string[]
  readonly options: FaultOptions
}

/** The nodes of a wish. */
export type Ends = { readonly node: NodeName; readonly peers: readonly Peer[] }

/** The nodes that a wish names. An unknown name is an error, before anything changes. */
export function endsOf(lab: Lab, { kind, node, peers, options }: Wish): Ends {
  const target = nodeNamed(lab, node)
  const named = peers.map((peer) => nodeNamed(lab, peer).name)
  if (named.includes(target.name)) throw labError('FAULT_PEER', { node })
  const others = lab.nodes.map(({ name }) => name).filter((name) => name !== target.name)
  const chosen: readonly Peer[] = !kind.hasPeers ? [] : named.length === 0 ? others : named
  return { node: target.name, peers: options['host'] === true ? [...chosen, 'host'] : chosen }
}

export function nodeNamed(lab: Lab, name: string): Node {
  const node = lab.nodes.find((it) => it.name === name)
  if (node === undefined)
    throw labError('NO_SUCH_NODE', {
      name: repeated(name),
      nodes: lab.nodes.map((it) => it.name).join(', '),
      larger: inLarger(name),
    })
  return node
}

/** Injects a fault. A fault that is in force already stays as it is. */
export const inject = (lab: Lab, wish: Wish, { step }: Reporter): Promise<void> =>
  changing(lab, async () => {
    const { kind, options } = wish
    const { node, peers } = endsOf(lab, wish)
    await step(`${kind.name} ${node}${wish.peers.length > 0 ? ` and ${peers.join(', ')}` : ''}`, async ({ tell }) => {
      const views = await viewsOf(lab, [nodeNamed(lab, node)], [kind.place])
      assertThere(lab, views)
      const [view] = views
      const network = await findNetwork(lab)
      if (view === undefined || network === undefined)
        throw labError('NOT_SET_UP', { lab: lab.name, missing: lab.network })
      if (kind.place === 'container' && faultsIn([view], [kind]).length > 0) return
      const { state } = view.container
      if (!kind.states.includes(state)) throw labError('FAULT_STATE', { kind: kind.name, node, state })
      if (kind.place === 'network' && view.network === undefined) throw endedUnder(view.node)
      if (view.database !== undefined && 'unreachable' in view.database)
        throw labError('FAULT_UNREACHABLE', { node, problem: view.database.unreachable })
      if (!kind.isFor(view)) throw labError('FAULT_MISFIT', { kind: kind.name, node, fits: kind.fits })
      await kind.inject(tell, { lab, network, view, peers, options })
    })
  })
