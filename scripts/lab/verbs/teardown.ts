import { regainNames } from '../docker/converge.ts'
import { removeNodes, removeVolumes } from '../docker/creation.ts'
import { asItRuns } from '../docker/here.ts'
import { removeImages } from '../docker/images.ts'
import { assertOwn, clearLeftovers } from '../docker/leftovers.ts'
import { removeNetwork } from '../docker/network.ts'
import { containersNamed, TAKEN } from '../docker/nodes.ts'
import { keptVotes } from '../state/kept-votes.ts'
import { exclusively } from '../state/lock.ts'
import { forgetPassword } from '../state/pgpass.ts'
import { forgetLab } from '../state/secrets.ts'
import type { Reporter } from '../steps.ts'
import { allStoresOf, type Lab, psqlPlaceOf, surplusOf } from '../topology/topology.ts'

/** Removes everything of the lab, its votes included. It is fine if parts are gone already. */
export const teardown = (lab: Lab, options: { readonly images: boolean }, { step }: Reporter): Promise<void> =>
  exclusively(lab, async () => {
    const running = await asItRuns(lab)
    await step('Remove nodes and their data', async ({ tell }) => {
      await assertOwn(lab)
      await clearLeftovers(lab, { all: true })
      await regainNames(tell, lab)
      // Also what is left of standbys and stores that these settings do not ask for.
      const surplus = [...surplusOf(lab), ...allStoresOf(lab), lab.restored]
      const containers = await containersNamed(lab, surplus)
      await removeNodes(tell, lab, [
        ...lab.nodes.filter(({ kind }) => kind !== 'store'),
        ...surplus.filter((_, index) => containers[index] !== TAKEN),
      ])
      await removeVolumes(tell, lab, [lab.backupsVolume])
    })
    await step('Remove the network', ({ tell }) => removeNetwork(tell, lab))
    if (options.images) await step('Remove images', ({ tell }) => removeImages(tell, lab.settings.images))
    await step('Forget its passwords', async ({ retitle }) => {
      await forgetPassword(psqlPlaceOf(running))
      await forgetLab(lab)
      const lists = await keptVotes(lab)
      if (lists.length > 0) retitle(`Forget its passwords; lists of lost votes stay: ${lists.join(', ')}`)
    })
  })
