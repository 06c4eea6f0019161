import { chalk } from 'zx/core'
import { bytes, many } from '../numbers.ts'
import type { Backup } from '../postgres/repository.ts'
import { abandonedIn, gapsIn, gapText, newestTimeline } from '../rules/history.ts'
import { momentText } from '../rules/moment.ts'
import type { Backups } from '../verbs/backup.ts'
import type { Checked } from '../verbs/check-backups.ts'
import type { Replaced } from '../verbs/replace.ts'
import type { Beside, Restored } from '../verbs/restore.ts'
import { visible } from '../visible.ts'
import { table } from './table.ts'

/** A backup that was just made. */
export const backupView = ({ label, type, began, ended, size, stored }: Backup): string =>
  [
    `${chalk.green('✓')} backup ${label} (${type}): ${bytes(size)} of data in ${ended - began} s; ${bytes(stored)} more in the repository`,
    `  can be restored  from ${momentText(possibleFrom(ended))} on: zx scripts/restore.ts --to '…'`,
  ].join('\n')

/** The repository knows whole seconds only. */
const possibleFrom = (ended: number): number => (ended + 1) * 1000

/** What is in the repository, and what can be restored from it. */
export function backupsView(it: Backups): string {
  const { on, backups, marks, segments, branches } = it
  if (backups.length === 0) return 'no backup yet: zx scripts/backup.ts makes the first one'
  const rows = backups.map(({ label, type, ended, timeline, endLsn, size, stored }) => [
    ...[label, type, momentText(possibleFrom(ended)), String(timeline), endLsn, bytes(size), bytes(stored)],
  ])
  const head = ['BACKUP', 'TYPE', 'EARLIEST MOMENT', 'TIMELINE', 'LSN', 'DATA', 'STORED'].map((cell) => chalk.dim(cell))
  const lines = table([head, ...rows], [3, 4, 5, 6])
  const marked = marks.map(
    ({ name, at, lsn, timeline }) => `  ${visible(name)}  ${momentText(at * 1000)}, LSN ${lsn}, timeline ${timeline}`,
  )
  return [
    ...lines,
    '',
    `  archive    ${on ? archiving(it) : 'off: what is written now cannot be restored; zx scripts/backup.ts switches it on'}`,
    `  segments   ${segments.length}, ${segments[0] ?? ''} to ${segments.at(-1) ?? ''}; the newest timeline is ${newestTimeline(it)}`,
    ...branches
      .toSorted((a, b) => a.timeline - b.timeline)
      .map(({ timeline, from, at }) => `  timeline   ${timeline} left timeline ${from} at LSN ${at}`),
    ...abandonedIn(it).map(
      (timeline) =>
        `  abandoned  timeline ${timeline} has WAL that the newest does not come from: zx scripts/restore.ts --end --timeline ${timeline}`,
    ),
    ...(marked.length === 0 ? [] : ['  marks', ...marked.map((line) => `  ${line}`)]),
    ...gapsIn(it).map(
      (gap) =>
        `${chalk[gap.after === undefined ? 'red' : 'yellow'](gap.after === undefined ? '✗' : '!')} ${gapText(gap)}`,
    ),
  ].join('\n')
}

function archiving({ primary, archiver }: Backups): string {
  if (primary === null || archiver === null) return 'on, but no primary answers'
  const { lastSegment, lastAt, failsSince, failedSegment, waiting } = archiver
  const last = lastAt === null ? 'nothing yet' : `${lastSegment} at ${momentText(Date.parse(lastAt))}`
  const fails =
    failsSince === null
      ? ''
      : `; ${failedSegment} FAILS, nothing has arrived since ${momentText(Date.parse(failsSince))}, and ${many(waiting, 'segment waits', 'segments wait')}`
  return `on, from ${primary}; last ${last}${fails}`
}

/** What a check of the backups found. */
export function checkedView({ problems, notes }: Checked): string {
  const missing = notes.length === 0 ? 'no segment is missing' : 'the newest backup needs no segment that is missing'
  return [
    ...notes.map((note) => `${chalk.yellow('!')} ${visible(note)}`),
    ...problems.map((problem) => `${chalk.red('✗')} ${visible(problem)}`),
    ...(problems.length === 0 ? [`${chalk.green('✓')} WAL arrives, ${missing}, and every file has its checksum`] : []),
  ].join('\n')
}

const SHOWN = 10

/** What a restore gives. */
export function restoredView(it: Restored, container: string): string {
  const { backup, along, replayedTo, lastCommit, timeline, votes, polls, primary, onlyThere, lacks } = it
  const last = lastCommit === null ? 'no commit came after the backup' : `the last commit there is of ${lastCommit}`
  return [
    restoredHead(it),
    `  made from  the backup ${backup}, replayed along timeline ${along} to LSN ${replayedTo}: ${last}`,
    `  writes on  timeline ${timeline}, a new one of its own`,
    `  it has     ${many(votes, 'vote')} in ${many(polls, 'poll')}`,
    ...(primary === null
      ? ['  compared   with nothing: no primary answers']
      : [
          ...votesLines(`  only there ${many(onlyThere.length, 'vote')} that ${primary} does not have now`, onlyThere),
          ...votesLines(`  it lacks   ${many(lacks.length, 'vote')} that ${primary} has`, lacks),
        ]),
    `  look       docker exec -it ${container} psql polling`,
    '  when done  zx scripts/restore.ts remove',
  ].join('\n')
}

/** Whether it is what was asked for. */
function restoredHead({ node, goal, along, left, gap }: Restored): string {
  if (left !== null)
    return `${chalk.yellow('!')} ${node} is not as the lab was at ${goal}: then it was on timeline ${left}, which timeline ${along} does not come from. Add --timeline ${left}`
  if (gap !== null)
    return `${chalk.yellow('!')} ${node} is as the lab was before a gap: segment ${gap} is missing, and WAL after it cannot be replayed`
  return `${chalk.green('✓')} ${node} is as the lab was at ${goal}`
}

function votesLines(head: string, votes: Restored['lacks']): readonly string[] {
  const shown = votes
    .slice(0, SHOWN)
    .map(({ question, user, option }) => `    ${visible(user)} for ${visible(option)} in ${visible(question)}`)
  const more = votes.length - shown.length
  return [head, ...shown, ...(more > 0 ? [`    and ${more} more (--json lists them)`] : [])]
}

/** What a lab that went back is now. */
export const replacedView = ({
  primary,
  goal,
  timeline,
  lost,
  keptIn,
  listedBefore,
  regained,
  standbys,
}: Replaced): string =>
  [
    `${chalk.green('✓')} the lab is as it was at ${goal}; ${primary} is the primary, on timeline ${timeline}`,
    ...votesLines(`  back       ${many(regained.length, 'vote')}`, regained),
    ...votesLines(`  lost       ${many(lost.length, 'vote')}`, lost),
    ...(keptIn === null ? [] : [`  kept in    ${keptIn}`]),
    ...(listedBefore === null ? [] : [`  listed     by the run that was interrupted: ${listedBefore}`]),
    `  standbys   ${standbys.map(({ name, how }) => `${name} ${how}`).join(', ')}`,
  ].join('\n')

/** What stands beside the lab. */
export const besideView = (it: Beside | undefined): string =>
  it === undefined
    ? 'nothing is restored beside the lab'
    : [
        `db-restored: ${it.says}`,
        ...(it.whole ? [`  look       docker exec -it ${it.container} psql polling`] : []),
        '  remove     zx scripts/restore.ts remove',
      ].join('\n')
