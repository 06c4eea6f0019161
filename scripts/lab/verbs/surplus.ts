import { removeNodes } from '../docker/creation.ts'
import { containersNamed } from '../docker/nodes.ts'
import { labError } from '../errors.ts'
import { putLevel } from '../managers/level.ts'
import { dataOf } from '../postgres/data.ts'
import { lookAtDatabases, type Sight } from '../postgres/sights.ts'
import { dropSlot } from '../postgres/slots.ts'
import { ask, change } from '../postgres/sql.ts'
import { ASYNC, choiceOf, levelInForce } from '../rules/durability.ts'
import { type Members, membersOf, sendsTo } from '../rules/members.ts'
import { directOf } from '../rules/upstreams.ts'
import type { Reporter, Tell } from '../steps.ts'
import { type DatabaseNode, type Lab, labOf, slotOf, surplusOf } from '../topology/topology.ts'
import { until } from '../wait.ts'

/**
 * Removes the standbys that LAB_STANDBYS no longer asks for. If one of them is needed, a `STANDBY_NEEDED` error says so before
 * anything changes.
 */
export async function removeSurplus(lab: Lab, { step }: Reporter): Promise<void> {
  const surplus = surplusOf(lab)
  const containers = await containersNamed(lab, surplus)
  const there = surplus.filter((_, index) => containers[index]?.described !== undefined)
  const last = there.at(-1)
  if (last === undefined) return
  const names = there.map(({ name }) => name).join(' and ')
  await step(`Remove ${names}: LAB_STANDBYS is ${lab.settings.standbys} now`, async ({ tell }) => {
    const before = labOf({ ...lab.settings, standbys: lab.settings.standbys + surplus.indexOf(last) + 1 })
    const sights = await lookAtDatabases(before)
    const members = membersOf(sights)
    const needed = await whyNeeded(lab, there, members)
    if (needed !== undefined) throw labError('STANDBY_NEEDED', { ...needed, standbys: before.settings.standbys })
    const stay = sights.filter(({ node }) => lab.databases.some(({ name }) => name === node.name))
    await forget(tell, stay, there, members)
    await removeNodes(tell, lab, there)
    if (members.primary !== undefined) await dropSlots(tell, lab, members.primary.node, there)
  })
}

/** The first of them that cannot go, and why. */
async function whyNeeded(lab: Lab, there: readonly DatabaseNode[], { primary, rivals, standbys, silent }: Members) {
  const isOurs = (name: string) => there.some((node) => node.name === name)
  const writable = [primary, ...rivals].find((it) => it !== undefined && isOurs(it.node.name))
  if (writable !== undefined) return { node: writable.node.name, why: 'is the primary' }
  for (const { node, state } of silent.filter((it) => isOurs(it.node.name))) {
    const { is } = await dataOf(node, state)
    if (is === 'primary' || is === 'fenced')
      return { node: node.name, why: 'does not answer, and may have votes that no other database has' }
  }
  const follower = standbys.find((it) => !isOurs(it.node.name) && isOurs(`${it.facts.upstream}`))
  if (follower !== undefined)
    return { node: `${follower.facts.upstream}`, why: `is the upstream of ${follower.node.name}` }
  const [first] = there
  const { rule } = primary === undefined ? ASYNC : choiceOf(primary.facts)
  if (first !== undefined && rule.kind === 'any' && rule.count >= lab.databases.length)
    return { node: first.name, why: `is needed: a commit waits for any ${rule.count} standbys` }
  const stays = primary !== undefined && lab.databases.some((node) => sendsTo(primary, node))
  if (primary === undefined || first === undefined || stays || levelInForce(primary.facts) === 'async') return undefined
  return { node: first.name, why: `is the only standby that commits at ${levelInForce(primary.facts)} can wait for` }
}

/** From now on no commit waits for them. */
async function forget(
  tell: Tell,
  stay: readonly Sight[],
  there: readonly DatabaseNode[],
  { primary }: Members,
): Promise<void> {
  if (primary === undefined) return
  const waits = there.some(({ name }) => primary.facts.synchronousStandbys.includes(`"${name}"`))
  if (waits) await putLevel(tell, primary.node, choiceOf(primary.facts), directOf(primary.node, stay))
}

/** Drops their slots as soon as the primary has noticed that they are gone. */
const dropSlots = async (tell: Tell, lab: Lab, primary: DatabaseNode, gone: readonly DatabaseNode[]): Promise<void> => {
  const left = `select count(*) from pg_replication_slots where active and slot_name in (${gone.map((node) => `'${slotOf(node)}'`).join(', ')})`
  const wait = { seconds: 15, patience: lab.settings.patience }
  await until(`${primary.name} to notice that they are gone`, wait, async () => {
    const active = await ask(lab, primary, left)
    return active === '0' ? { done: undefined } : { seen: `${active} slots are in use` }
  })
  await change(tell, primary, ...gone.flatMap(dropSlot))
}
