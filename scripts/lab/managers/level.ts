import { LEVEL_SETTING } from '../postgres/observe.ts'
import type { Answering, Sight } from '../postgres/sights.ts'
import { change } from '../postgres/sql.ts'
import { type Choice, choiceText, LEVELS, levelInForce, synchronousNames } from '../rules/durability.ts'
import { directOf } from '../rules/upstreams.ts'
import type { Tell } from '../steps.ts'
import type { DatabaseNode } from '../topology/topology.ts'

/** A standby that commits may wait for. */
type Named = Pick<Sight, 'node'>

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

/** Whether a primary has the settings of a level, for the standbys that follow it now. */
export const hasSettings = ({ node, facts }: Answering, choice: Choice, sights: readonly Sight[]): boolean =>
  levelInForce(facts) === choice.level && facts.synchronousStandbys === namesFor(choice, directOf(node, sights))

/** The statements that write the settings of a level, with those standbys. They hold when the configuration is reloaded. */
export const statementsOf = (choice: Choice, direct: readonly Named[]): readonly string[] => [
  `alter system set synchronous_commit = ${LEVELS[choice.level].commit}`,
  `alter system set synchronous_standby_names = '${namesFor(choice, direct)}'`,
]

const namesFor = (choice: Choice, direct: readonly Named[]): string =>
  synchronousNames(
    choice,
    direct.map(({ node }) => node.name),
  )
