import { act, attempt, failure, typed } from '../docker/command.ts'
import type { Tell } from '../steps.ts'
import { until } from '../wait.ts'
import { type Kind, type Order, ofContainer } from './kind.ts'

/** A node's processes get no processor time; its kernel still accepts connections. */
export const freeze: Kind<'freeze'> = {
  name: 'freeze',
  does: 'pauses all its processes: it still accepts connections, but answers nothing',
  ...ofContainer,
  states: ['running'],
  inject: pause,
  inForce: ({ container }) => (container.state === 'paused' ? [{ detail: 'paused' }] : []),
  heal: (tell, _, node) => act(tell, ['unpause', node.container]),
}

// If processes start faster than the engine can freeze them, it gives up. The next try mostly succeeds.
async function pause(tell: Tell, { lab, view }: Order): Promise<void> {
  const command = ['pause', view.node.container]
  tell(`docker ${command.map(typed).join(' ')}`)
  await until(`${view.node.name} to freeze`, { seconds: 5, patience: lab.settings.patience }, async () => {
    const paused = await attempt(command)
    if (paused.exit === 0) return { done: undefined }
    if (paused.stderr.includes('unable to freeze')) return { seen: paused.stderr }
    throw failure(command, paused)
  })
}
