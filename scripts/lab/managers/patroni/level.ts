import { labError } from '../../errors.ts'
import { LEVEL_SETTING } from '../../postgres/observe.ts'
import { lookAtDatabases } from '../../postgres/sights.ts'
import { change } from '../../postgres/sql.ts'
import { type Choice, choiceOf, choiceText, LEVELS, levelInForce } from '../../rules/durability.ts'
import { primaryOf } from '../../rules/members.ts'
import type { Reporter, Tell } from '../../steps.ts'
import type { DatabaseNode, Lab } from '../../topology/topology.ts'
import { inForce } from '../level.ts'
import { patronictl } from './patronictl.ts'

/**
 * Puts a durability level into the stores: Patroni names the synchronous standbys, and changes that after each failover. It is
 * strict: a commit waits rather than to be acknowledged by the primary alone.
 */
export async function putLevel(tell: Tell, node: DatabaseNode, choice: Choice): Promise<void> {
  const settings = settingsOf(choice).flatMap((setting) => ['--set', setting])
  await patronictl(tell, node, 'edit-config', ...settings, '--force')
  const keep = `alter database polling set ${LEVEL_SETTING} = '${choiceText(choice)}'`
  await change(tell, node, 'set synchronous_commit = local', keep)
}

/** Puts the chosen level into the stores, if it is not there: another manager had these data. */
export async function restoreLevel(lab: Lab, { step }: Reporter): Promise<void> {
  const { node, facts } = primaryOf(await lookAtDatabases(lab))
  const chosen = choiceOf(facts)
  if (levelInForce(facts) === chosen.level) return
  await step(`Restore the durability level ${choiceText(chosen)}`, async ({ tell }) => {
    await putLevel(tell, node, chosen)
    await inForce(tell, lab, node, chosen)
  })
}

/** Patroni's settings for a level. */
function settingsOf({ level, rule }: Choice): readonly string[] {
  const commit = `postgresql.parameters.synchronous_commit=${LEVELS[level].commit}`
  if (level === 'async') return ['synchronous_mode=false', 'synchronous_mode_strict=false', commit]
  if (rule.kind === 'first' && rule.node !== null) throw labError('NOT_WITH_PATRONI_FIRST', { node: rule.node })
  const mode = rule.kind === 'any' ? 'quorum' : 'true'
  const count = rule.kind === 'any' ? rule.count : 1
  return [`synchronous_mode=${mode}`, `synchronous_node_count=${count}`, 'synchronous_mode_strict=true', commit]
}
