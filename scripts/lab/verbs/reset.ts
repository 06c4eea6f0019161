import type { Tell } from '../docker/docker.ts'
import { changing } from '../docker/leftovers.ts'
import { containersOf, killNode, markToStartFresh, startNode } from '../docker/nodes.ts'
import { labError } from '../errors.ts'
import { healNetwork } from '../faults/heal.ts'
import { balanced } from '../managers/serving.ts'
import { steps, tellOf } from '../terminal/steps.ts'
import type { Lab, Node } from '../topology/topology.ts'
import { healthy } from './setup.ts'
import { type LabStatus, statusOf } from './status.ts'

/** Brings the lab back to its first state: both databases start with the prepared data. All votes are deleted. */
export const reset = (lab: Lab): Promise<LabStatus> =>
  changing(lab, async () => {
    // If a foreign container has the name of a node, status goes on, but reset must not.
    await containersOf(lab)
    const { nodes } = await statusOf(lab, [lab.loader])
    const absent = nodes.find(({ state }) => state === 'absent' || state === 'created')
    if (absent !== undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: absent.name })
    // A balancer that answers keeps no state, and its clients stay connected. A balancer that does not answer is restarted too.
    const keepLoader = nodes.some(({ name, healthy }) => name === lab.loader.name && healthy)
    const down = new Set(nodes.filter(({ state }) => state === 'exited').map(({ name }) => name))
    const alive = lab.nodes.filter((node) => !down.has(node.name) && !(keepLoader && node === lab.loader))
    let status: LabStatus | undefined
    await steps([
      {
        title: 'Stop nodes',
        // They are killed: none of their data is kept, and a frozen node cannot shut down in order.
        enabled: alive.length > 0,
        task: (_, task) => Promise.all(alive.map((node) => killNode(tellOf(task), node))),
      },
      {
        title: 'Start databases from their prepared data',
        task: async (_, task) => {
          // Both are marked before either starts: one new and one old could not replicate.
          await Promise.all(lab.databases.map((node) => markToStartFresh(tellOf(task), node)))
          await start(tellOf(task), lab, lab.databases)
        },
      },
      // They accept no calls before their databases are ready, and come up meanwhile. Started first, they would
      // wait a second for the answer of an address that is not there yet.
      { title: 'Start servers', task: (_, task) => start(tellOf(task), lab, lab.servers) },
      {
        title: 'Wait until both servers answer',
        task: async (_, task) => {
          // Network faults ended when the nodes were stopped.
          const heal = keepLoader ? healNetwork(tellOf(task), lab, lab.loader) : undefined
          await Promise.all([healthy(lab, lab.servers, []), heal])
        },
      },
      { title: 'Start the balancer', enabled: !keepLoader, task: (_, task) => start(tellOf(task), lab, [lab.loader]) },
      {
        title: 'Wait until five nodes are healthy',
        task: async () => {
          status = await healthy(lab, lab.nodes, [])
          await balanced(lab)
        },
      },
    ])
    if (status === undefined) throw new Error('reset without a status')
    return status
  })

/** Starts them side by side; one command for all would start one after another. */
const start = (tell: Tell, lab: Lab, nodes: readonly Node[]): Promise<unknown> =>
  Promise.all(nodes.map((node) => startNode(tell, lab, node)))
