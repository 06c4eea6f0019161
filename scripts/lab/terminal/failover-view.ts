import { chalk } from 'zx/core'
import { listed } from '../listed.ts'
import type { Failover } from '../managers/manager.ts'
import { bytes } from '../numbers.ts'
import type { LostVote } from '../postgres/votes.ts'
import { choiceText } from '../rules/durability.ts'
import { mayBeLost } from '../rules/failover-plan.ts'
import { visible } from '../visible.ts'

/** What a failover did and what it cost, for people. */
export function failoverView(it: Failover): string {
  const parts = Object.entries(it.parts).map(([name, seconds]) => `${name} ${seconds.toFixed(2)}`)
  const fenced = listed(it.fenced)
  const apart = it.fenced.length === 0 ? '' : `; ${fenced} ${it.fenced.length > 1 ? 'are' : 'is'} fenced`
  const lost =
    it.lost === null
      ? `unknown: the WAL of ${fenced || 'the old primary'} cannot be read`
      : it.lost.bytes === 0
        ? 'nothing'
        : `${bytes(it.lost.bytes)} of WAL, up to ${it.lost.end} on ${it.lost.node}; rejoin lists the votes in it`
  const { chosen, rule, now } = it.level
  const restored = choiceText({ level: chosen, rule })
  const level = chosen === now ? [] : [`  durability   async for now; rejoin restores ${restored}`]
  return [
    `${chalk.green('✓')} ${it.promoted} ${it.promotedNow ? 'is now' : 'was already'} the primary, on timeline ${it.timeline}${apart}`,
    `  took         ${it.seconds.toFixed(2)} s to the first acknowledged write: ${parts.join(', ')}`,
    `  old timeline ended at ${it.parted}`,
    ...it.salvaged.map(
      ({ from, bytes: count, unread }) =>
        `  salvaged     ${unread === null ? `${bytes(count)} of WAL from the disk of ${from}` : `nothing: the WAL of ${from} cannot be read (${unread})`}`,
    ),
    `  lost         ${lost}`,
    ...lostVotesLines(it.lostVotes),
    ...(it.unheard.length === 0 ? [] : [`  not heard    ${listed(it.unheard)}: ${mayBeLost(it.unheard)}`]),
    ...it.endedReports.map(
      ({ pid, role, seconds, query }) =>
        `  ended        a report that replay waited for: pid ${pid} (${role}), ${Math.round(seconds)} s old: ${query}`,
    ),
    ...level,
    `  ${chalk.bold('→')} zx scripts/rejoin.ts brings back ${fenced || 'the old primary'}, and whatever else does not follow ${it.promoted}`,
  ].join('\n')
}

/** Votes by name, at most the first hundred. */
export function lostVotesLines(votes: readonly LostVote[] | null, shown = 100): string[] {
  if (votes === null || votes.length === 0) return []
  const lines = votes
    .slice(0, shown)
    .map(({ poll, question, user, option, at }) => visible(`    ${user}: ${option}   (${question} ${poll}, ${at})`))
  const more = votes.length > shown ? [`    … and ${votes.length - shown} more; --json lists all`] : []
  return [`  votes lost   ${votes.length}`, ...lines, ...more]
}
