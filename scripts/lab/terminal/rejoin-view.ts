import { chalk } from 'zx/core'
import type { Rejoin, Rejoined } from '../managers/manager.ts'
import { choiceText } from '../rules/durability.ts'
import { visible } from '../visible.ts'
import { lostVotesLines } from './failover-view.ts'

/** How nodes came back and what was lost, for people. */
export const rejoinView = ({ primary, level, rule, standbys }: Rejoin): string =>
  [
    ...standbys.flatMap((it) => rejoinedLines(primary, it)),
    `  primary      ${primary}`,
    `  durability   ${choiceText({ level, rule })}`,
  ].join('\n')

function rejoinedLines(primary: string, it: Rejoined): readonly string[] {
  const how = {
    none: 'streamed already; nothing was done',
    repaired: `follows again; the cause was: ${it.why}`,
    rewound: 'was rewound to the last point that it shares with the primary, and streams',
    copied: `was copied from the primary (${visible(String(it.why))}), and streams`,
    undone: `streams; the failover that fenced ${primary} had promoted no standby, and is undone`,
  }[it.how]
  const votes =
    it.divergedVotes === null
      ? [`  votes lost   unknown: ${visible(String(it.why))}`]
      : lostVotesLines(it.divergedVotes)
  return [
    `${chalk.green('✓')} ${it.name} ${how}`,
    ...votes,
    ...(it.unarchived.length === 0
      ? []
      : [`  never in the archive  ${it.unarchived.join(', ')}: no restore can go to the end of its history`]),
    ...(it.keptIn === null ? [] : [`  kept in      ${it.keptIn}`]),
  ]
}
