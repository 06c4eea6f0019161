import { changing } from '../docker/leftovers.ts'
import { streaming } from '../managers/following.ts'
import { hasSettings, inForce } from '../managers/level.ts'
import { assertScripted, managerOf } from '../managers/manager-of.ts'
import { dataAmong } from '../postgres/data.ts'
import { type Answering, lookAtDatabases, type Sight } from '../postgres/sights.ts'
import { readStartNote } from '../postgres/start-note.ts'
import { moveTo } from '../postgres/upstream.ts'
import { countedOf } from '../rules/counted.ts'
import { choiceOf, type Level, levelInForce, type Rule } from '../rules/durability.ts'
import { asIfFollowing, refusalOf } from '../rules/may-follow.ts'
import { primaryOf } from '../rules/members.ts'
import { directOf } from '../rules/upstreams.ts'
import type { Reporter } from '../steps.ts'
import { type DatabaseName, databaseNamed, type Lab } from '../topology/topology.ts'

/** Whom a standby follows now, and for whom commits can wait. */
export type Following = {
  readonly node: DatabaseName
  readonly upstream: DatabaseName
  readonly primary: DatabaseName
  /** The standbys that follow the primary themselves. */
  readonly direct: readonly DatabaseName[]
  /** How many followed the primary themselves before. */
  readonly directBefore: number
  /** The level in force; null if the settings on the primary make none. */
  readonly level: Level | null
  /** Which of the direct standbys a commit waits for, at a level that waits for some. */
  readonly rule: Rule
}

/** Makes a standby follow another database, the primary or another standby, while everything runs. */
export const follow = (lab: Lab, standby: string, other: string, reporter: Reporter): Promise<Following> =>
  changing(lab, async () => {
    assertScripted(lab, 'replication follow')
    const { step } = reporter
    const [node, upstream] = [databaseNamed(lab, standby), databaseNamed(lab, other)]
    const sights = await lookAtDatabases(lab)
    const primary = primaryOf(sights)
    const wish = { node, upstream }
    const refusal = refusalOf(wish, sights, (await readStartNote(upstream)).fenced === true)
    if (refusal !== undefined) throw refusal
    const after = asIfFollowing(wish, sights)
    const down = await dataAmong(sights)
    const counted = (seen: readonly Sight[]) =>
      countedOf(seen, down, primary.facts.timeline).flatMap((it) => (it.node === primary.node ? [] : [it.node.name]))
    const isDirect = upstream === primary.node
    if (!isDirect) await waitForDirect(lab, primary, after, reporter)
    await step(`Make its slot on ${upstream.name}, and point ${node.name} there`, ({ tell }) =>
      moveTo(tell, node, upstream),
    )
    await step(`Wait until ${node.name} streams from ${upstream.name}`, () => streaming(lab, upstream, node, 30))
    if (isDirect) await waitForDirect(lab, primary, after, reporter)
    return {
      ...{ node: node.name, upstream: upstream.name, primary: primary.node.name },
      direct: counted(after),
      directBefore: counted(sights).length,
      level: levelInForce(primary.facts) ?? null,
      rule: choiceOf(primary.facts).rule,
    }
  })

/** Lets commits wait for the direct standbys that there are afterwards, if a level is in force at which they wait. */
async function waitForDirect(lab: Lab, primary: Answering, after: readonly Sight[], { step }: Reporter): Promise<void> {
  const { node, facts } = primary
  const choice = choiceOf(facts)
  if (levelInForce(facts) !== choice.level || hasSettings(primary, choice, after)) return
  const direct = directOf(node, after)
  const names = direct.map((it) => it.node.name).join(', ')
  await step(`Let commits wait for direct standbys only: ${names}`, async ({ tell }) => {
    await managerOf(lab).putLevel(tell, node, choice, direct)
    await inForce(tell, lab, node, choice)
  })
}
