import { regainNames } from '../docker/converge.ts'
import { removeImages } from '../docker/images.ts'
import { clearLeftovers } from '../docker/leftovers.ts'
import { removeNetwork } from '../docker/network.ts'
import { removeNodes } from '../docker/nodes.ts'
import { exclusively } from '../state/lock.ts'
import { forgetPassword } from '../state/pgpass.ts'
import { forgetLab } from '../state/secrets.ts'
import { steps, tellOf } from '../terminal/steps.ts'
import type { Lab } from '../topology/topology.ts'

/** Removes all that belongs to the lab, its votes included; what is already gone is fine. */
export const teardown = (lab: Lab, options: { readonly images: boolean }): Promise<void> =>
  exclusively(lab, () =>
    steps([
      {
        title: 'Remove nodes and their data',
        task: async (_, task) => {
          await clearLeftovers(lab, { all: true })
          await regainNames(tellOf(task), lab)
          await removeNodes(tellOf(task), lab, lab.nodes)
        },
      },
      { title: 'Remove the network', task: (_, task) => removeNetwork(tellOf(task), lab) },
      {
        title: 'Remove images',
        enabled: options.images,
        task: (_, task) => removeImages(tellOf(task), lab.settings.images),
      },
      {
        title: 'Forget its passwords',
        task: async () => {
          const port = lab.databases[0]?.publishedPort
          if (port !== undefined) await forgetPassword(port)
          await forgetLab(lab)
        },
      },
    ]),
  )
