import { TOPOLOGY } from '../topology/topology.ts'
import type { Kind, Peer } from './kind.ts'
import { addRules, farEnd, inForceOf, ofRules, type RuleOptions } from './rules.ts'

/** The port at which a node calls a peer; any port outside the lab. */
const portOf = (peer: Peer): string => (peer === 'host' ? '' : ` --dport ${TOPOLOGY[peer].port}`)

/** New connections between a node and its peers are refused, and open ones are reset, as if no program listened. */
export const reject: Kind<'reject', RuleOptions> = {
  name: 'reject',
  does: 'refuses connections between it and the peers at once (RST), and resets open ones',
  ...ofRules,
  // In: calls to this node's port. Out: calls of this node to the peers' ports. So each way can fail while the other works.
  inject: (tell, order) =>
    addRules(tell, 'reject', order, (way, peer) =>
      farEnd(order.network, way, peer).map((end) => {
        const port = way === 'in' ? ` --dport ${order.view.node.port}` : portOf(peer)
        return `-p tcp ${end}${port} -j REJECT --reject-with tcp-reset`
      }),
    ),
  inForce: (view) => inForceOf('reject', view),
}
