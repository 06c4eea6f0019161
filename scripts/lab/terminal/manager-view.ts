import { chalk } from 'zx/core'
import type { PatroniView } from '../managers/patroni/view.ts'
import { visible } from '../visible.ts'
import { table } from './table.ts'

/** What Patroni says, for people. */
export function managerView(view: PatroniView): string {
  const head = ['MEMBER', 'ROLE', 'STATE', 'TIMELINE'].map((cell) => chalk.dim(cell))
  const rows = view.members.map(({ name, role, state, timeline, pendingRestart, tags }) => [
    ...[name, visible(role), visible(state), String(timeline ?? '')],
    [
      ...(pendingRestart ? ['a setting waits for a restart'] : []),
      ...Object.entries(tags).map(([tag, value]) => visible(`tag ${tag}: ${value}`)),
    ].join('; '),
  ])
  return [...table([[...head, ''], ...rows]), '', ...patroniLines(view), `  settings: ${settingsText(view)}`].join('\n')
}

/** Who has the lease, and what keeps Patroni from promoting. */
export function patroniLines({
  leader,
  ttl,
  loopWait,
  retryTimeout,
  failsafe,
  paused,
}: PatroniView): readonly string[] {
  const lease = leader === null ? 'nobody has the lease' : `${leader} has the lease`
  return [
    `  Patroni: ${lease}; ttl ${ttl} s, loop_wait ${loopWait} s, retry_timeout ${retryTimeout} s, failsafe mode ${failsafe ? 'on' : 'off'}`,
    ...(paused
      ? [`${chalk.yellow('!')} Patroni is paused: it promotes nobody; zx scripts/manager.ts resume ends the pause`]
      : []),
  ]
}

const settingsText = ({ settings }: PatroniView): string =>
  Object.entries(settings)
    .filter(([, value]) => typeof value !== 'object')
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')

/** Who was promoted when. */
export const historyView = ({ history }: PatroniView): string =>
  history.length === 0
    ? 'nobody was promoted yet'
    : table([
        ['TIMELINE', 'SINCE', 'PRIMARY'].map((cell) => chalk.dim(cell)),
        ...history.map(({ timeline, at, leader }) => [String(timeline), at, visible(leader)]),
      ]).join('\n')
