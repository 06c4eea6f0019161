import type { Kind } from './kind.ts'
import { addRules, farEnd, inForceOf, ofRules, type RuleOptions } from './rules.ts'

/** Packets between a node and its peers are dropped, as with a broken cable or a firewall. */
export const isolate: Kind<'isolate', RuleOptions> = {
  name: 'isolate',
  does: 'drops packets between it and the peers silently: connections hang and time out',
  ...ofRules,
  inject: (tell, order) =>
    addRules(tell, 'isolate', order, (way, peer) => farEnd(order.network, way, peer).map((end) => `${end} -j DROP`)),
  inForce: (view) => inForceOf('isolate', view),
}
