import { act } from '../engine/docker.ts'
import { containersOf, markToBeginAnew } from '../engine/nodes.ts'
import { labError } from '../errors.ts'
import { exclusively } from '../lock.ts'
import { steps, tellOf } from '../show/steps.ts'
import type { Lab, Node } from '../topology.ts'
import { healthy, replicating } from './setup.ts'
import type { LabStatus } from './status.ts'

/**
 * Gives the lab back as it was when new: both databases from their prepared data, all nodes restarted.
 * All votes are deleted.
 */
export const reset = (lab: Lab): Promise<LabStatus> =>
  exclusively(lab, async () => {
    const containers = await containersOf(lab)
    const stateOf = (node: Node) => containers[lab.nodes.indexOf(node)]?.state ?? 'absent'
    const absent = lab.nodes.find((node) => ['absent', 'created'].includes(stateOf(node)))
    if (absent !== undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: absent.name })
    const alive = lab.nodes.filter((node) => stateOf(node) !== 'exited')
    let status: LabStatus | undefined
    await steps([
      {
        title: 'Stop all nodes',
        // At once and not in order: nothing of theirs is kept, and a frozen one could not stop in order.
        enabled: alive.length > 0,
        task: (_, task) => act(tellOf(task), ['kill', ...alive.map((node) => node.container)]),
      },
      {
        title: 'Start them, the databases from their prepared data',
        task: async (_, task) => {
          await Promise.all(lab.databases.map((node) => markToBeginAnew(tellOf(task), node)))
          await Promise.all(lab.nodes.map((node) => act(tellOf(task), ['start', node.container])))
        },
      },
      { title: 'Wait until the standby streams', task: () => replicating(lab) },
      {
        title: 'Wait until five nodes are healthy',
        task: async () => {
          status = await healthy(lab, lab.nodes)
        },
      },
    ])
    if (status === undefined) throw new Error('reset without a status')
    return status
  })
