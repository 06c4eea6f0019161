import { changing } from '../../docker/leftovers.ts'
import { LabError, labError } from '../../errors.ts'
import { listed } from '../../listed.ts'
import type { Facts } from '../../postgres/observe.ts'
import { lookAtDatabases, type Sight } from '../../postgres/sights.ts'
import { choiceOf } from '../../rules/durability.ts'
import { membersOf, primaryOf, seenOf } from '../../rules/members.ts'
import { isReached } from '../../rules/upstreams.ts'
import type { Reporter } from '../../steps.ts'
import { type DatabaseNode, databaseNamed, type Lab } from '../../topology/topology.ts'
import { streaming } from '../following.ts'
import type { Switchover, SwitchoverOptions } from '../manager.ts'
import { serving } from '../serving.ts'
import { newPrimary, promotionOf } from './new-primary.ts'
import { patronictl } from './patronictl.ts'

const synchronousOf = ({ standbys }: Facts): readonly string[] =>
  standbys.filter(({ sync }) => sync === 'sync' || sync === 'quorum').map(({ name }) => name)

/** Whether Patroni lets a standby take over: at a synchronous level only one that a commit may have waited for. */
const mayTakeOver = (facts: Facts, name: string): boolean =>
  choiceOf(facts).level === 'async' || synchronousOf(facts).includes(name)

/** Who gives its place to whom. `named`: the one that was asked for. */
function planOf(sights: readonly Sight[], named: DatabaseNode | undefined) {
  const primary = primaryOf(sights)
  if (named === primary.node) throw labError('ALREADY_PRIMARY', { node: named.name })
  const reached = membersOf(sights).standbys.filter(
    (it) => isReached(it, sights) && (named === undefined || it.node === named),
  )
  const standby = reached.find(({ node }) => mayTakeOver(primary.facts, node.name)) ?? reached[0]
  const notReady = (seen: string) => labError('SWITCHOVER_NOT_READY', { seen: `${seenOf(sights)}; ${seen}` })
  if (standby === undefined) throw notReady(named ? `${named.name} does not stream` : 'nobody streams')
  return { primary, from: primary.node, to: standby.node, choice: choiceOf(primary.facts) }
}

/** Patroni's refusal of a standby that commits do not wait for, with what helps; any other error as it is. */
function refusalOf(error: unknown, { primary, to, choice }: ReturnType<typeof planOf>): unknown {
  const [first] = synchronousOf(primary.facts)
  const isIt = error instanceof LabError && error.code === 'PATRONI_REFUSED' && NOT_SYNCHRONOUS.test(error.message)
  if (!isIt || first === undefined) return error
  const synchronous = listed(synchronousOf(primary.facts))
  return labError('NOT_SYNCHRONOUS', { node: to.name, level: choice.level, synchronous, first })
}

const NOT_SYNCHRONOUS = /does not match with sync_standby/

/** Asks Patroni to swap the roles of the primary and a standby. */
export const switchover = (lab: Lab, { to: wanted }: SwitchoverOptions, { step }: Reporter): Promise<Switchover> =>
  changing(lab, async () => {
    const plan = await step('Check', async ({ retitle }) => {
      const plan = planOf(await lookAtDatabases(lab), wanted === undefined ? undefined : databaseNamed(lab, wanted))
      retitle(`Check: from ${plan.from.name} to ${plan.to.name}`)
      return plan
    })
    const { from, to, choice } = plan
    const began = performance.now()
    await step(`Patroni switches over to ${to.name}`, ({ tell }) =>
      patronictl(tell, from, 'switchover', '--candidate', to.name, '--force').catch((error: unknown) => {
        throw refusalOf(error, plan)
      }),
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
