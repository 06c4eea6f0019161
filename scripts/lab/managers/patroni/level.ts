import { labError } from '../../errors.ts'
import { LEVEL_SETTING } from '../../postgres/observe.ts'
import { change } from '../../postgres/sql.ts'
import { type Choice, choiceText, LEVELS } from '../../rules/durability.ts'
import type { Tell } from '../../steps.ts'
import type { DatabaseNode } from '../../topology/topology.ts'
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

/** Patroni's settings for a level. */
function settingsOf({ level, rule }: Choice): readonly string[] {
  const commit = `postgresql.parameters.synchronous_commit=${LEVELS[level].commit}`
  if (level === 'async') return ['synchronous_mode=false', 'synchronous_mode_strict=false', commit]
  if (rule.kind === 'first' && rule.node !== null) throw labError('NOT_WITH_PATRONI_FIRST', { node: rule.node })
  const mode = rule.kind === 'any' ? 'quorum' : 'true'
  const count = rule.kind === 'any' ? rule.count : 1
  return [`synchronous_mode=${mode}`, `synchronous_node_count=${count}`, 'synchronous_mode_strict=true', commit]
}
