import { removeNodes } from '../docker/creation.ts'
import { asItRuns } from '../docker/here.ts'
import { labError } from '../errors.ts'
import { listed } from '../listed.ts'
import { managerOf } from '../managers/manager-of.ts'
import { dataAmong } from '../postgres/data.ts'
import { lookAtDatabases, type Sight } from '../postgres/sights.ts'
import { dropSlot } from '../postgres/slots.ts'
import { ask, change } from '../postgres/sql.ts'
import { choiceOf } from '../rules/durability.ts'
import { type Members, membersOf } from '../rules/members.ts'
import { neededOf } from '../rules/needed.ts'
import { directOf } from '../rules/upstreams.ts'
import type { Reporter, Tell } from '../steps.ts'
import { type DatabaseNode, type Lab, labOf, slotOf, surplusOf } from '../topology/topology.ts'
import { until } from '../wait.ts'
import type { LabStatus } from './status.ts'

/**
 * Removes the standbys that LAB_STANDBYS no longer asks for. If one of them is needed, a `STANDBY_NEEDED` error says so before
 * anything changes.
 */
export async function removeSurplus(lab: Lab, { step }: Reporter): Promise<void> {
  const before = labOf({ ...lab.settings, standbys: (await asItRuns(lab)).settings.standbys })
  const there = before.databases.slice(lab.databases.length)
  if (there.length === 0) return
  const names = listed(there.map(({ name }) => name))
  await step(`Remove ${names}: LAB_STANDBYS is ${lab.settings.standbys} now`, async ({ tell }) => {
    const sights = await lookAtDatabases(before)
    const members = membersOf(sights)
    const going = sights.filter(({ node }) => there.some(({ name }) => name === node.name))
    const needed = neededOf(lab.databases, there, members, await dataAmong(going))
    if (needed !== undefined) throw labError('STANDBY_NEEDED', needed)
    const stay = sights.filter(({ node }) => lab.databases.some(({ name }) => name === node.name))
    await forget(tell, lab, stay, there, members)
    await removeNodes(tell, lab, there)
  })
}

/** From now on no commit waits for them. */
async function forget(
  tell: Tell,
  lab: Lab,
  stay: readonly Sight[],
  there: readonly DatabaseNode[],
  { primary }: Members,
): Promise<void> {
  if (primary === undefined) return
  const waits = there.some(({ name }) => primary.facts.synchronousStandbys.includes(`"${name}"`))
  if (waits) await managerOf(lab).putLevel(tell, primary.node, choiceOf(primary.facts), directOf(primary.node, stay))
}

/** Drops the slots of standbys that the lab no longer has, on every database that has one: they would keep WAL for nobody. */
export async function dropSurplusSlots(tell: Tell, lab: Lab, { nodes }: LabStatus): Promise<void> {
  const names = surplusOf(lab).map(slotOf)
  const kept = nodes.filter(({ database }) => database?.slots.some(({ name }) => names.includes(name)))
  if (kept.length > 0) await managerOf(lab).letGo(tell, lab, surplusOf(lab))
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
