import { forgetPassword } from '../access/pgpass.ts'
import { forgetLab } from '../access/secrets.ts'
import { regainNames } from '../engine/converge.ts'
import { removeImages } from '../engine/images.ts'
import { assertOwn, clearLeftovers } from '../engine/leftovers.ts'
import { removeNetwork } from '../engine/network.ts'
import { removeNodes } from '../engine/nodes.ts'
import { exclusively } from '../lock.ts'
import { steps, tellOf } from '../show/steps.ts'
import type { Lab } from '../topology.ts'

/** Removes all that belongs to the lab, its votes included; what is already gone is fine. */
export const teardown = (lab: Lab, options: { readonly images: boolean }): Promise<void> =>
  exclusively(lab, () =>
    steps([
      {
        title: 'Remove nodes and their data',
        task: async (_, task) => {
          await assertOwn(lab)
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
