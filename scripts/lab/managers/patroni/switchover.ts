import { changing } from '../../docker/leftovers.ts'
import { labError } from '../../errors.ts'
import { lookAtDatabases } from '../../postgres/sights.ts'
import { choiceOf } from '../../rules/durability.ts'
import { membersOf, primaryOf, seenOf } from '../../rules/members.ts'
import { isReached } from '../../rules/upstreams.ts'
import type { Reporter } from '../../steps.ts'
import { databaseNamed, type Lab } from '../../topology/topology.ts'
import { streaming } from '../following.ts'
import type { Switchover, SwitchoverOptions } from '../manager.ts'
import { serving } from '../serving.ts'
import { newPrimary, promotionOf } from './new-primary.ts'
import { patronictl } from './patronictl.ts'

/** Asks Patroni to swap the roles of the primary and a standby. */
export const switchover = (lab: Lab, { to: wanted }: SwitchoverOptions, { step }: Reporter): Promise<Switchover> =>
  changing(lab, async () => {
    const { from, to, choice } = await step('Check', async ({ retitle }) => {
      const sights = await lookAtDatabases(lab)
      const primary = primaryOf(sights)
      const named = wanted === undefined ? undefined : databaseNamed(lab, wanted)
      if (named === primary.node) throw labError('ALREADY_PRIMARY', { node: named.name })
      const standby = membersOf(sights).standbys.find(
        (it) => isReached(it, sights) && (named === undefined || it.node === named),
      )
      if (standby === undefined)
        throw labError('SWITCHOVER_NOT_READY', {
          seen: `${seenOf(sights)}; ${named?.name ?? 'nobody'} ${named ? 'does not stream' : 'streams'}`,
        })
      retitle(`Check: from ${primary.node.name} to ${standby.node.name}`)
      return { from: primary.node, to: standby.node, choice: choiceOf(primary.facts) }
    })
    const began = performance.now()
    await step(`Patroni switches over to ${to.name}`, ({ tell }) =>
      patronictl(tell, from, 'switchover', '--candidate', to.name, '--force'),
    )
    const { timeline } = await step('Serve: a write through the balancer is acknowledged', async () => {
      const promotion = await promotionOf(lab, await newPrimary(lab, from.name, 30))
      await serving(lab, promotion.timeline)
      return promotion
    })
    const withoutPrimary = (performance.now() - began) / 1000
    await step(`Wait until ${from.name} streams from ${to.name}`, () => streaming(lab, to, from, 60))
    return { primary: to.name, standby: from.name, timeline, withoutPrimary, ...choice }
  })
