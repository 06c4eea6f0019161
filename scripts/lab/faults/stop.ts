import { act } from '../docker/command.ts'
import { KILLED } from './crash.ts'
import { type Kind, ofContainer } from './kind.ts'

/** A node is shut down cleanly. */
export const stop: Kind<'stop'> = {
  name: 'stop',
  does: 'shuts it down cleanly, as for maintenance; it stays down',
  ...ofContainer,
  states: ['running'],
  inject: (tell, { view }) => act(tell, ['stop', view.node.container]),
  inForce: ({ container }) =>
    container.state === 'exited' && container.exitCode !== KILLED
      ? [{ detail: `ended with exit code ${container.exitCode}` }]
      : [],
  heal: (tell, _, node) => act(tell, ['start', node.container]),
}
