import { act } from '../engine/docker.ts'
import { type Kind, ofContainer } from './kind.ts'

/** A node's processes get no processor time; its kernel still accepts connections. */
export const freeze: Kind = {
  name: 'freeze',
  does: 'pauses all its processes: it still accepts connections, and answers nothing',
  ...ofContainer,
  states: ['running'],
  inject: (tell, { view }) => act(tell, ['pause', view.node.container]),
  inForce: ({ node, container }) =>
    container.state === 'paused' ? [{ kind: 'freeze', node: node.name, peer: null, way: null, detail: 'paused' }] : [],
  heal: (tell, _, node) => act(tell, ['unpause', node.container]),
}
