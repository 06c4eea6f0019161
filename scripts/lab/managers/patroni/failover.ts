import { changing } from '../../docker/leftovers.ts'
import { labError } from '../../errors.ts'
import { type Answering, lookAtDatabases, type Sight } from '../../postgres/sights.ts'
import { choiceOf } from '../../rules/durability.ts'
import { membersOf, seenOf } from '../../rules/members.ts'
import type { Reporter } from '../../steps.ts'
import { type DatabaseName, type DatabaseNode, databaseNamed, type Lab } from '../../topology/topology.ts'
import { until } from '../../wait.ts'
import { measureLoss } from '../cost.ts'
import type { Failover, FailoverOptions } from '../manager.ts'
import { serving } from '../serving.ts'
import { newPrimary, promotionOf } from './new-primary.ts'
import { patronictl } from './patronictl.ts'
import { type PatroniView, patroniView } from './view.ts'

/** Who is to be the primary, and whether Patroni has to be told, or does it by itself when the lease ends. */
type Plan = {
  readonly candidate: Answering
  readonly old: DatabaseNode | undefined
  readonly told: boolean
  readonly why: string
  readonly view: PatroniView
}

/**
 * Has Patroni make a standby the primary. If the primary is dead, Patroni does it by itself as soon as the lease has ended; this
 * waits for it. Nobody is fenced: Patroni stops a primary that has lost its lease.
 */
export const failover = (lab: Lab, options: FailoverOptions, { step }: Reporter): Promise<Failover> =>
  changing(lab, async () => {
    const started = performance.timeOrigin
    const { candidate, old, told, view } = await step('Check', async ({ retitle }) => {
      const plan = await planOf(lab, options)
      retitle(`Check: ${plan.why}`)
      return plan
    })
    const checked = now()
    if (told)
      await step(`Patroni fails over to ${candidate.node.name}`, ({ tell }) =>
        patronictl(tell, candidate.node, 'failover', '--candidate', candidate.node.name, '--force'),
      )
    const { primary, promotion, promoted } = await step(
      'Wait until Patroni has made a standby the primary',
      async (it) => {
        if (!told) it.say(`the lease of ${old?.name ?? 'the old primary'} lasts ${view.ttl} s from its last renewal`)
        const primary = await newPrimary(lab, old?.name, view.ttl + 2 * view.retryTimeout + 20)
        it.retitle(`Patroni has made ${primary.node.name} the primary`)
        return { primary, promotion: await promotionOf(lab, primary), promoted: now() }
      },
    )
    const served = await step('Serve: a write through the balancer is acknowledged', async () => {
      await serving(lab, promotion.timeline)
      return now()
    })
    const chosen = choiceOf(primary.facts)
    return {
      promoted: primary.node.name,
      fenced: [],
      promotedNow: true,
      seconds: (served - started) / 1000,
      parts: {
        check: (checked - started) / 1000,
        [told ? 'promote' : 'lease and promote']: (promoted - checked) / 1000,
        serve: (served - promoted) / 1000,
      },
      marks: { started, checked, fenced: checked, promoted, served },
      timeline: promotion.timeline,
      parted: promotion.parted,
      salvaged: [],
      lost: old === undefined ? null : await measureLoss([old], promotion),
      lostVotes: null,
      unheard: [],
      endedReports: [],
      level: { chosen: chosen.level, rule: chosen.rule, now: chosen.level },
    }
  })

async function planOf(lab: Lab, { to, salvage, keepReports, maxLag }: FailoverOptions): Promise<Plan> {
  const option = salvage ? '--salvage' : keepReports ? '--keep-reports' : maxLag === undefined ? undefined : '--max-lag'
  if (option !== undefined) throw labError('NOT_WITH_PATRONI', { option })
  const named = to === undefined ? undefined : databaseNamed(lab, to)
  const { sights, view } = await sightsAndView(lab)
  const { primary, standbys } = membersOf(sights)
  if (named !== undefined && named === primary?.node) throw labError('ALREADY_PRIMARY', { node: named.name })
  const candidate = standbys.find(({ node }) => named === undefined || node === named)
  if (candidate === undefined) throw labError('NOTHING_TO_PROMOTE', { seen: seenOf(sights) })
  const { name } = candidate.node
  const old = primary?.node ?? lastLeader(lab, view)
  const common = { candidate, old, view }
  if (primary !== undefined)
    return { ...common, told: true, why: `${primary.node.name} lives, and gives way to ${name}` }
  if (view.paused) return { ...common, told: true, why: `Patroni is paused, so ${name} is promoted by order` }
  if (named !== undefined) return { ...common, told: true, why: `${name} is promoted by order` }
  return { ...common, told: false, why: 'the primary is dead; Patroni acts when its lease has ended' }
}

/** What the databases and Patroni say. Somebody may have just started a standby, and Patroni takes longer than PostgreSQL. */
const sightsAndView = (lab: Lab): Promise<{ readonly sights: readonly Sight[]; readonly view: PatroniView }> =>
  until('a standby and its Patroni to answer', { seconds: 10, patience: lab.settings.patience }, async () => {
    const [sights, view] = await Promise.all([lookAtDatabases(lab), patroniView(lab)])
    if (view === undefined || membersOf(sights).standbys.length === 0) return { seen: seenOf(sights) }
    return { done: { sights, view } }
  })

/** Who had the lease last. */
function lastLeader(lab: Lab, { leader, history }: PatroniView): DatabaseNode | undefined {
  const name: DatabaseName | string | undefined = leader ?? history.at(-1)?.leader
  return lab.databases.find((node) => node.name === name)
}

/** Milliseconds since the epoch, by the clock that does not jump. */
const now = (): number => performance.timeOrigin + performance.now()
