import { regainNames } from '../docker/converge.ts'
import { removeImages } from '../docker/images.ts'
import { assertOwn, clearLeftovers } from '../docker/leftovers.ts'
import { removeNetwork } from '../docker/network.ts'
import { removeNodes } from '../docker/nodes.ts'
import { exclusively } from '../state/lock.ts'
import { forgetPassword } from '../state/pgpass.ts'
import { forgetLab } from '../state/secrets.ts'
import { steps, tellOf } from '../terminal/steps.ts'
import { type Lab, psqlPlaceOf } from '../topology/topology.ts'

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
