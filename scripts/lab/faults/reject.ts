import { TOPOLOGY } from '../topology/topology.ts'
import type { Kind, Peer } from './kind.ts'
import { addRules, farEnd, inForceOf, ofRules, type RuleOptions } from './rules.ts'

/** Where a node calls a peer; anybody's port outside the lab. */
const portOf = (peer: Peer): string => (peer === 'host' ? '' : ` --dport ${TOPOLOGY[peer].port}`)

/** Connections between a node and its peers are refused and those that are open are reset, as if nobody listened. */
export const reject: Kind<'reject', RuleOptions> = {
  name: 'reject',
  does: 'refuses connections between it and the peers at once (RST), open ones too',
  ...ofRules,
  // In: who calls this node's port. Out: whose port this node calls. Only then can one of them work without the other.
  inject: (tell, order) =>
    addRules(tell, 'reject', order, (way, peer) =>
      farEnd(order.network, way, peer).map((end) => {
        const port = way === 'in' ? ` --dport ${order.view.node.port}` : portOf(peer)
        return `-p tcp ${end}${port} -j REJECT --reject-with tcp-reset`
      }),
    ),
  inForce: (view) => inForceOf('reject', view),
}
