import type { Observer } from '../../postgres/observer.ts'
import type { Answering } from '../../postgres/sights.ts'
import { moveTo } from '../../postgres/upstream.ts'
import { choiceOf, levelInForce } from '../../rules/durability.ts'
import { namesOf } from '../../rules/failover-plan.ts'
import { asIfFollowing } from '../../rules/may-follow.ts'
import { membersOf, seenOf, sendsTo } from '../../rules/members.ts'
import { directOf } from '../../rules/upstreams.ts'
import type { Reporter } from '../../steps.ts'
import type { DatabaseNode, Lab } from '../../topology/topology.ts'
import { until } from '../../wait.ts'
import { hasSettings } from '../level.ts'
import type { Retargeted } from '../manager.ts'
import { putLevel } from './level.ts'

/**
 * Points those that followed a standby that is gone at the primary. Undefined if there is nothing to do any more. The caller has
 * the lab's lock.
 */
export async function retarget(
  lab: Lab,
  observer: Observer,
  gone: DatabaseNode,
  { step }: Reporter,
): Promise<Retargeted | undefined> {
  const sights = await observer.look(1)
  const { primary, standbys, silent } = membersOf(sights)
  const followers = standbys.filter(({ facts }) => facts.upstream === gone.name)
  if (primary === undefined || followers.length === 0 || silent.every(({ node }) => node !== gone)) return undefined
  const names = namesOf(followers)
  await step(`Point ${names} at ${primary.node.name}: ${gone.name} is gone`, async ({ tell }) => {
    await Promise.all(followers.map(({ node }) => moveTo(tell, node, primary.node)))
    // If they were the only ones that can receive commits now, every commit waits until it may wait for them.
    const after = followers.reduce((seen, { node }) => asIfFollowing({ node, upstream: primary.node }, seen), sights)
    const choice = choiceOf(primary.facts)
    if (levelInForce(primary.facts) === choice.level && !hasSettings(primary, choice, after))
      await putLevel(tell, primary.node, choice, directOf(primary.node, after))
  })
  await step(`Wait until ${names} streams from ${primary.node.name}`, () =>
    untilSent(lab, observer, primary, followers),
  )
  return { standbys: followers.map(({ node }) => node.name), gone: gone.name, primary: primary.node.name }
}

const untilSent = (lab: Lab, observer: Observer, { node }: Answering, to: readonly Answering[]): Promise<void> =>
  until(`${namesOf(to)} to stream from ${node.name}`, { seconds: 15, patience: lab.settings.patience }, async () => {
    const sights = await observer.look(1)
    const { primary } = membersOf(sights)
    const isSent = primary !== undefined && to.every((it) => sendsTo(primary, it.node))
    return isSent ? { done: undefined } : { seen: seenOf(sights) }
  })
