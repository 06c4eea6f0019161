import { act } from '../engine/docker.ts'
import { KILLED } from './crash.ts'
import { type Kind, ofContainer } from './kind.ts'

/** A node is shut down in order. */
export const stop: Kind = {
  name: 'stop',
  does: 'shuts it down in order, as for maintenance; it stays down',
  ...ofContainer,
  states: ['running'],
  inject: (tell, { view }) => act(tell, ['stop', view.node.container]),
  inForce: ({ node, container }) =>
    container.state === 'exited' && container.exitCode !== KILLED
      ? [{ kind: 'stop', node: node.name, peer: null, way: null, detail: `ended with exit code ${container.exitCode}` }]
      : [],
  heal: (tell, _, node) => act(tell, ['start', node.container]),
}
