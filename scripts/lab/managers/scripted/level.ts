import { LEVEL_SETTING } from '../../postgres/observe.ts'
import { lookAtDatabases } from '../../postgres/sights.ts'
import { change } from '../../postgres/sql.ts'
import { type Choice, choiceOf, choiceText, LEVELS } from '../../rules/durability.ts'
import { primaryOf } from '../../rules/members.ts'
import { directOf } from '../../rules/upstreams.ts'
import type { Reporter, Tell } from '../../steps.ts'
import type { DatabaseNode, Lab } from '../../topology/topology.ts'
import { hasSettings, inForce, type Named, namesFor } from '../level.ts'

/**
 * Puts the settings of a level on a primary. Only the primary names a synchronous standby: otherwise a standby that is
 * promoted would wait for a peer that is gone. The choice is kept in the database, so that the standby has it too.
 */
export async function putLevel(
  tell: Tell,
  node: DatabaseNode,
  choice: Choice,
  direct: readonly Named[],
): Promise<void> {
  await change(tell, node, ...statementsOf(choice, direct), 'select pg_reload_conf()')
  // This commit does not wait for a standby: it has to return even while all others hang.
  const keep = `alter database polling set ${LEVEL_SETTING} = '${choiceText(choice)}'`
  await change(tell, node, 'set synchronous_commit = local', keep)
}

/** The statements that write the settings of a level, with those standbys. They hold when the configuration is reloaded. */
export const statementsOf = (choice: Choice, direct: readonly Named[]): readonly string[] => [
  `alter system set synchronous_commit = ${LEVELS[choice.level].commit}`,
  `alter system set synchronous_standby_names = '${namesFor(choice, direct)}'`,
]

/** Restores the level that was chosen, if it is not in force with the standbys that follow the primary now. */
export async function restoreChosen(lab: Lab, { step }: Reporter): Promise<void> {
  const sights = await lookAtDatabases(lab)
  const primary = primaryOf(sights)
  const chosen = choiceOf(primary.facts)
  if (hasSettings(primary, chosen, sights)) return
  await step(`Restore the durability level ${choiceText(chosen)}`, async ({ tell }) => {
    await putLevel(tell, primary.node, chosen, directOf(primary.node, sights))
    await inForce(tell, lab, primary.node, chosen)
  })
}
