import { regainNames } from '../docker/converge.ts'
import { removeImages } from '../docker/images.ts'
import { clearLeftovers } from '../docker/leftovers.ts'
import { removeNetwork } from '../docker/network.ts'
import { removeNodes } from '../docker/nodes.ts'
import { exclusively } from '../state/lock.ts'
import { forgetPassword } from '../state/pgpass.ts'
import { forgetLab } from '../state/secrets.ts'
import type { Reporter } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'

/** Removes all that belongs to the lab, its votes included; what is already gone is fine. */
export const teardown = (lab: Lab, options: { readonly images: boolean }, { step }: Reporter): Promise<void> =>
  exclusively(lab, async () => {
    await step('Remove nodes and their data', async ({ tell }) => {
      await clearLeftovers(lab, { all: true })
      await regainNames(tell, lab)
      await removeNodes(tell, lab, lab.nodes)
    })
    await step('Remove the network', ({ tell }) => removeNetwork(tell, lab))
    if (options.images) await step('Remove images', ({ tell }) => removeImages(tell, lab.settings.images))
    await step('Forget its passwords', async () => {
      const port = lab.databases[0]?.publishedPort
      if (port !== undefined) await forgetPassword(port)
      await forgetLab(lab)
    })
  })
