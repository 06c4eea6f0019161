import { chalk } from 'zx/core'
import type { Rejoin } from '../verbs/rejoin.ts'
import { visible } from '../visible.ts'
import { lostVotesLines } from './failover-view.ts'

/** How a node came back and what was lost, for people. */
export function rejoinView(it: Rejoin): string {
  const how = {
    none: 'streamed already; nothing was done',
    repaired: `follows again; the cause was: ${it.why}`,
    rewound: 'was rewound to the point where its history diverged, and streams',
    copied: `was copied from the primary (${visible(String(it.why))}), and streams`,
    undone: `streams; the failover that fenced ${it.primary} had promoted no standby, and is undone`,
  }[it.how]
  const votes =
    it.divergedVotes === null
      ? [`  votes lost   unknown: ${visible(String(it.why))}`]
      : lostVotesLines(it.divergedVotes)
  return [
    `${chalk.green('✓')} ${it.standby} ${how}`,
    `  primary      ${it.primary}`,
    `  durability   ${it.level}`,
    ...votes,
    ...(it.keptIn === null ? [] : [`  kept in      ${it.keptIn}`]),
  ].join('\n')
}
