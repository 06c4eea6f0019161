import { act, attempt, failure, type Tell } from '../engine/docker.ts'
import { markToBeginAnew } from '../engine/nodes.ts'
import { labError } from '../errors.ts'
import { healNetwork } from '../faults/heal.ts'
import { exclusively } from '../lock.ts'
import { steps, tellOf } from '../show/steps.ts'
import type { Lab, Node } from '../topology.ts'
import { balanced } from './serving.ts'
import { healthy } from './setup.ts'
import { type LabStatus, statusOf } from './status.ts'

/** Gives the lab back as it was when new: both databases from their prepared data. All votes are deleted. */
export const reset = (lab: Lab): Promise<LabStatus> =>
  exclusively(lab, async () => {
    const { nodes } = await statusOf(lab, [lab.loader])
    const absent = nodes.find(({ state }) => state === 'absent' || state === 'created')
    if (absent !== undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: absent.name })
    // A balancer that answers has nothing to forget, and its clients stay connected; any other begins anew like the rest.
    const keepLoader = nodes.some(({ name, healthy }) => name === lab.loader.name && healthy)
    const alive = nodes.filter(({ name, state }) => state !== 'exited' && !(keepLoader && name === lab.loader.name))
    let status: LabStatus | undefined
    await steps([
      {
        title: 'Stop nodes',
        // At once and not in order: nothing of theirs is kept, and a frozen one could not stop in order.
        enabled: alive.length > 0,
        task: (_, task) =>
          killAll(
            tellOf(task),
            alive.map(({ container }) => container),
          ),
      },
      {
        title: 'Start databases from their prepared data',
        task: async (_, task) => {
          // Both are marked before either starts: one new and one old could not replicate.
          await Promise.all(lab.databases.map((node) => markToBeginAnew(tellOf(task), node)))
          await start(tellOf(task), lab.databases)
        },
      },
      // They accept no calls before their databases are ready, and come up meanwhile. Started first, they would
      // wait a second for the answer of an address that is not there yet.
      { title: 'Start servers', task: (_, task) => start(tellOf(task), lab.servers) },
      {
        title: 'Wait until both servers answer',
        task: async (_, task) => {
          // Faults of the network ended with the nodes that were stopped.
          const heal = keepLoader ? healNetwork(tellOf(task), lab, lab.loader) : undefined
          await Promise.all([healthy(lab, lab.servers), heal])
        },
      },
      { title: 'Start the balancer', enabled: !keepLoader, task: (_, task) => start(tellOf(task), [lab.loader]) },
      {
        title: 'Wait until five nodes are healthy',
        task: async () => {
          status = await healthy(lab, lab.nodes)
          await balanced(lab)
        },
      },
    ])
    if (status === undefined) throw new Error('reset without a status')
    return status
  })

/** Starts them side by side; one command for all would start one after another. */
const start = (tell: Tell, nodes: readonly Node[]): Promise<unknown> =>
  Promise.all(nodes.map((node) => act(tell, ['start', node.container])))

/** One that has ended by itself since it was looked at, or was killed by a command that was interrupted, is down as well. */
async function killAll(tell: Tell, containers: readonly string[]): Promise<void> {
  const command = ['kill', ...containers]
  tell(`docker ${command.join(' ')}`)
  const killed = await attempt(command)
  const problems = killed.stderr.split('\n').filter((line) => line !== '' && !line.includes('is not running'))
  if (killed.exit !== 0 && problems.length > 0) throw failure(command, killed)
}
