import { chalk } from 'zx/core'
import { choiceText, fewer, isLevel, LEVELS, levelText, mustStream, optionsFor, ruleText } from '../rules/durability.ts'
import type { Following } from '../verbs/follow.ts'
import type { Replication } from '../verbs/replication.ts'
import { visible } from '../visible.ts'

const NOT_COUNTED = 'no commit waits for it, because synchronous commit counts direct standbys only'

/** Whom a standby follows now, for people. */
export function followingView(it: Following): string {
  const { node, upstream, primary, direct, directBefore, level, rule } = it
  const means = level === null ? '' : ruleText({ level, rule }, direct)
  const fewer = direct.length < directBefore && level !== null && level !== 'async'
  return [
    `${chalk.green('✓')} ${node} streams from ${upstream}${upstream === primary ? ', the primary' : `: ${NOT_COUNTED}`}`,
    `  direct       ${direct.join(', ')}`,
    ...(means === '' ? [] : [`  ${means}`]),
    ...(fewer
      ? [
          `${chalk.yellow('!')} a commit can wait for ${direct.length} of the standbys now; before, it could wait for ${directBefore}`,
        ]
      : []),
  ].join('\n')
}

/** The level in force, for people: all four levels, what each waits for and survives, and whether commits hang. */
export function replicationView(it: Replication): string {
  const levels = Object.keys(LEVELS)
    .filter(isLevel)
    .flatMap((level) => {
      const { waitsFor, survives, loses } = levelText({ level, rule: it.rule }, it.inLab)
      return [
        `${level === it.level ? chalk.green('●') : '○'} ${level === it.level ? chalk.bold(level) : level}`,
        `    a commit waits for  ${waitsFor}`,
        `    it survives         ${survives}`,
        `    it can lose         ${loses}`,
      ]
    })
  const { synchronous_commit, synchronous_standby_names } = it.settings
  const standbys = it.standbys.map(({ name, state, sync }) => `${name} is ${state}, ${sync}`).join('; ') || 'no standby'
  const rule = it.level === null ? '' : ruleText({ level: it.level, rule: it.rule }, it.others)
  const warnings = [
    ...(it.level === null ? [`the settings on ${it.primary} are none of these levels`] : []),
    ...(it.hangs ? [hanging(it)] : []),
    ...(it.level !== it.chosen && it.level !== null
      ? [
          `${choiceText({ level: it.chosen, rule: it.rule })} was chosen; rejoin restores it when it has brought the standbys back`,
        ]
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

/** That commits hang, and every way out. */
function hanging({ level, chosen, rule, primary, standbys, cascaded, waitingCommits }: Replication): string {
  const choice = { level: level ?? chosen, rule }
  const needed = mustStream(choice)
  const streaming = standbys.filter(({ state }) => state === 'streaming').length
  const less = fewer(choice, streaming)
  const now = waitingCommits === 0 ? 'none waits yet' : `${waitingCommits} now`
  const what = needed > 1 ? `${needed} standbys, and only ${streaming} of them streams` : 'a standby that is not there'
  const ways = [
    'Bring it back: zx scripts/setup.ts, zx scripts/fault.ts heal or zx scripts/rejoin.ts',
    ...cascaded.map(
      ({ name }) => `or point ${name} at the primary: zx scripts/replication.ts follow ${name} ${primary}`,
    ),
    ...(less === undefined ? [] : [`or wait for fewer: zx scripts/replication.ts ${optionsFor(less)}`]),
    'or for none: zx scripts/replication.ts async',
  ]
  return `commits hang (${now}): they wait for ${what}. ${ways.join('; ')}`
}
