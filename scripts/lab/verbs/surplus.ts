import { removeNodes } from '../docker/creation.ts'
import { containersNamed } from '../docker/nodes.ts'
import { labError } from '../errors.ts'
import { dataOf } from '../postgres/data.ts'
import { lookAtDatabases } from '../postgres/sights.ts'
import { dropSlot } from '../postgres/slots.ts'
import { ask, change } from '../postgres/sql.ts'
import { ASYNC, choiceOf, levelInForce } from '../rules/durability.ts'
import { type Members, membersOf, sendsTo } from '../rules/members.ts'
import type { Reporter, Tell } from '../steps.ts'
import { type DatabaseNode, type Lab, labOf, slotOf, surplusOf } from '../topology/topology.ts'
import { until } from '../wait.ts'
import { putLevel } from './replication.ts'
import type { LabStatus } from './status.ts'

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
    const members = membersOf(await lookAtDatabases(before))
    const needed = await whyNeeded(lab, there, members)
    if (needed !== undefined) throw labError('STANDBY_NEEDED', { ...needed, standbys: before.settings.standbys })
    await forget(tell, lab, there, members)
    await removeNodes(tell, lab, there)
  })
}

/** The first of them that cannot go, and why. */
async function whyNeeded(lab: Lab, there: readonly DatabaseNode[], { primary, rivals, silent }: Members) {
  const isOurs = (name: string) => there.some((node) => node.name === name)
  const writable = [primary, ...rivals].find((it) => it !== undefined && isOurs(it.node.name))
  if (writable !== undefined) return { node: writable.node.name, why: 'is the primary' }
  for (const { node, state } of silent.filter((it) => isOurs(it.node.name))) {
    const { is } = await dataOf(node, state)
    if (is === 'primary' || is === 'fenced')
      return { node: node.name, why: 'does not answer, and may have votes that no other database has' }
  }
  const [first] = there
  const { rule } = primary === undefined ? ASYNC : choiceOf(primary.facts)
  if (first !== undefined && rule.kind === 'any' && rule.count >= lab.databases.length)
    return { node: first.name, why: `is needed: a commit waits for any ${rule.count} standbys` }
  const stays = primary !== undefined && lab.databases.some((node) => sendsTo(primary, node))
  if (primary === undefined || first === undefined || stays || levelInForce(primary.facts) === 'async') return undefined
  return { node: first.name, why: `is the only standby that commits at ${levelInForce(primary.facts)} can wait for` }
}

/** From now on no commit waits for them. */
async function forget(tell: Tell, lab: Lab, there: readonly DatabaseNode[], { primary }: Members): Promise<void> {
  if (primary === undefined) return
  const waits = there.some(({ name }) => primary.facts.synchronousStandbys.includes(`"${name}"`))
  if (waits) await putLevel(tell, lab, primary.node, choiceOf(primary.facts))
}

/** Drops the slots of standbys that the lab no longer has, on every database that has one: they would keep WAL for nobody. */
export async function dropSurplusSlots(tell: Tell, lab: Lab, { nodes }: LabStatus): Promise<void> {
  const names = surplusOf(lab).map(slotOf)
  const kept = nodes.filter(({ database }) => database?.slots.some(({ name }) => names.includes(name)))
  await Promise.all(
    lab.databases
      .filter((node) => kept.some(({ name }) => name === node.name))
      .map(async (node) => {
        await unused(lab, node, names)
        await change(tell, node, ...surplusOf(lab).flatMap(dropSlot))
      }),
  )
}

/** Waits until a database has noticed that nobody streams over those slots any more. */
const unused = (lab: Lab, node: DatabaseNode, slots: readonly string[]): Promise<void> => {
  const left = `select count(*) from pg_replication_slots where active and slot_name in (${slots.map((it) => `'${it}'`).join(', ')})`
  const wait = { seconds: 15, patience: lab.settings.patience }
  return until(`${node.name} to notice that they are gone`, wait, async () => {
    const active = await ask(lab, node, left)
    return active === '0' ? { done: undefined } : { seen: `${active} slots are in use` }
  })
}
