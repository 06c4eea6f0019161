import { act } from '../docker/command.ts'
import { changing } from '../docker/leftovers.ts'
import { containersOf, killNode, markToBeginAnew } from '../docker/nodes.ts'
import { labError } from '../errors.ts'
import { healNetwork } from '../faults/heal.ts'
import { balanced } from '../managers/serving.ts'
import type { Reporter, Tell } from '../steps.ts'
import type { Lab, Node } from '../topology/topology.ts'
import { healthy } from './setup.ts'
import { type LabStatus, statusOf } from './status.ts'

/** Gives the lab back as it was when new: both databases from their prepared data. All votes are deleted. */
export const reset = (lab: Lab, { step }: Reporter): Promise<LabStatus> =>
  changing(lab, async () => {
    // Where somebody else's container has the name of a node, status goes on, and reset must not.
    await containersOf(lab)
    const { nodes } = await statusOf(lab, [lab.loader])
    const absent = nodes.find(({ state }) => state === 'absent' || state === 'created')
    if (absent !== undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: absent.name })
    // A balancer that answers has nothing to forget, and its clients stay connected; any other begins anew like the rest.
    const keepLoader = nodes.some(({ name, healthy }) => name === lab.loader.name && healthy)
    const down = new Set(nodes.filter(({ state }) => state === 'exited').map(({ name }) => name))
    const alive = lab.nodes.filter((node) => !down.has(node.name) && !(keepLoader && node === lab.loader))
    // At once and not in order: nothing of theirs is kept, and a frozen one could not stop in order.
    if (alive.length > 0) await step('Stop nodes', ({ tell }) => Promise.all(alive.map((node) => killNode(tell, node))))
    await step('Start databases from their prepared data', async ({ tell }) => {
      // Both are marked before either starts: one new and one old could not replicate.
      await Promise.all(lab.databases.map((node) => markToBeginAnew(tell, node)))
      await start(tell, lab.databases)
    })
    // They accept no calls before their databases are ready, and come up meanwhile. Started first, they would
    // wait a second for the answer of an address that is not there yet.
    await step('Start servers', ({ tell }) => start(tell, lab.servers))
    await step('Wait until both servers answer', async ({ tell }) => {
      // Faults of the network ended with the nodes that were stopped.
      const heal = keepLoader ? healNetwork(tell, lab, lab.loader) : undefined
      await Promise.all([healthy(lab, lab.servers, []), heal])
    })
    if (!keepLoader) await step('Start the balancer', ({ tell }) => start(tell, [lab.loader]))
    return step('Wait until five nodes are healthy', async () => {
      const status = await healthy(lab, lab.nodes, [])
      await balanced(lab)
      return status
    })
  })

/** Starts them side by side; one command for all would start one after another. */
const start = (tell: Tell, nodes: readonly Node[]): Promise<unknown> =>
  Promise.all(nodes.map((node) => act(tell, ['start', node.container])))
