import { act } from '../docker/command.ts'
import { killNode } from '../docker/nodes.ts'
import { type Kind, ofContainer } from './kind.ts'

/** Exit code of a container whose processes were killed. */
export const KILLED = 137

/** All processes of a node are killed, without a shutdown. */
export const crash: Kind<'crash'> = {
  name: 'crash',
  does: 'kills all its processes at once (kill -9); it stays down',
  ...ofContainer,
  states: ['running', 'paused'],
  // The engine does not restart a container that was killed through it.
  inject: (tell, { view }) => killNode(tell, view.node),
  inForce: ({ container }) =>
    container.state === 'exited' && container.exitCode === KILLED ? [{ detail: 'it was killed, and is down' }] : [],
  heal: (tell, _, node) => act(tell, ['start', node.container]),
}
