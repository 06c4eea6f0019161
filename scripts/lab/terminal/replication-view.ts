import { chalk } from 'zx/core'
import { LEVELS, ruleText } from '../rules/durability.ts'
import type { Following } from '../verbs/follow.ts'
import type { Replication } from '../verbs/replication.ts'
import { visible } from '../visible.ts'

const NOT_COUNTED = 'no commit waits for it, because synchronous commit counts direct standbys only'

/** Whom a standby follows now, for people. */
export const followingView = ({ node, upstream, primary, direct }: Following): string =>
  [
    `${chalk.green('✓')} ${node} streams from ${upstream}${upstream === primary ? ', the primary' : `: ${NOT_COUNTED}`}`,
    `  direct       ${direct.join(', ')}`,
  ].join('\n')

/** The level in force, for people: all four levels, what each waits for and survives, and whether commits hang. */
export function replicationView(it: Replication): string {
  const levels = Object.entries(LEVELS).flatMap(([name, { waitsFor, survives, loses }]) => [
    `${name === it.level ? chalk.green('●') : '○'} ${name === it.level ? chalk.bold(name) : name}`,
    `    a commit waits for  ${waitsFor}`,
    `    it survives         ${survives}`,
    `    it can lose         ${loses}`,
  ])
  const { synchronous_commit, synchronous_standby_names } = it.settings
  const standbys = it.standbys.map(({ name, state, sync }) => `${name} is ${state}, ${sync}`).join('; ') || 'no standby'
  const rule = it.level === null ? '' : ruleText({ level: it.level, rule: it.rule }, it.standbys.length)
  const warnings = [
    ...(it.level === null ? [`the settings on ${it.primary} are none of these levels`] : []),
    ...(it.hangs
      ? [
          `commits hang (${it.waitingCommits} now): they wait for a standby that is not there. Bring it back, or go on without it: zx scripts/replication.ts async`,
        ]
      : []),
    ...(it.level !== it.chosen && it.level !== null
      ? [`${it.chosen} was chosen; rejoin restores it when it brings the standby back`]
      : []),
  ]
  return [
    ...levels,
    '',
    visible(
      `${it.primary}: synchronous_commit = ${synchronous_commit}, synchronous_standby_names = '${synchronous_standby_names}'; ${standbys}`,
    ),
    ...(rule === '' ? [] : [`  ${rule}`]),
    ...it.cascaded.map(({ name, upstream }) => `  ${name} follows ${upstream}: ${NOT_COUNTED}`),
    ...warnings.map((warning) => `${chalk.yellow('!')} ${warning}`),
  ].join('\n')
}
