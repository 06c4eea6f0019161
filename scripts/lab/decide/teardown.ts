import { forgetPassword } from '../access/pgpass.ts'
import { forgetLab } from '../access/secrets.ts'
import { regainNames } from '../engine/converge.ts'
import { removeImages } from '../engine/images.ts'
import { assertOwn, clearLeftovers } from '../engine/leftovers.ts'
import { removeNetwork } from '../engine/network.ts'
import { removeNodes } from '../engine/nodes.ts'
import { exclusively } from '../lock.ts'
import { steps, tellOf } from '../show/steps.ts'
import { type Lab, psqlPlaceOf } from '../topology.ts'

/** Removes everything of the lab, its votes included. It is fine if parts are gone already. */
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
          await forgetPassword(psqlPlaceOf(lab))
          await forgetLab(lab)
        },
      },
    ]),
  )
