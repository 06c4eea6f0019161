import { act } from './engine/docker.ts'
import { imagesOf } from './engine/images.ts'
import { findNetwork } from './engine/network.ts'
import { containersOf, createNode, removeNodes } from './engine/nodes.ts'
import { LabError } from './errors.ts'
import { exclusively } from './lock.ts'
import { readSecrets } from './secrets.ts'
import { healthy, replicating } from './setup.ts'
import type { LabStatus } from './status.ts'
import { steps, tellOf } from './steps.ts'
import type { Lab } from './topology.ts'

/**
 * Gives the lab back as it was when new: both databases on fresh volumes, the fronts restarted, every fault gone.
 * All votes are deleted.
 */
export const reset = (lab: Lab): Promise<LabStatus> =>
  exclusively(lab, async () => {
    const [images, network, secrets, containers] = await Promise.all([
      imagesOf(lab.settings),
      findNetwork(lab),
      readSecrets(lab),
      containersOf(lab),
    ])
    const absent = lab.nodes.find((_, index) => ['absent', 'created'].includes(containers[index]?.state ?? 'absent'))
    if (network === undefined || secrets === undefined || absent !== undefined)
      throw new LabError('NOT_SET_UP', {
        lab: lab.name,
        missing: absent?.name ?? (network === undefined ? 'network' : 'passwords'),
      })
    const parts = { images, network, secrets }
    const fronts = [...lab.servers, lab.loader]
    let status: LabStatus | undefined
    await steps([
      {
        title: 'Throw away databases, stop servers and balancer',
        task: async (_, task) => {
          const alive = fronts.filter((node) => containers[lab.nodes.indexOf(node)]?.state !== 'exited')
          await Promise.all([
            removeNodes(tellOf(task), lab, lab.databases),
            // At once and not in order: nothing of theirs is kept, and a paused one could not stop in order.
            alive.length === 0 ? undefined : act(tellOf(task), ['kill', ...alive.map((node) => node.container)]),
          ])
        },
      },
      {
        title: 'Make fresh databases from their image',
        task: async (_, task) => {
          await Promise.all(lab.databases.map((node) => createNode(tellOf(task), lab, node, parts)))
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
