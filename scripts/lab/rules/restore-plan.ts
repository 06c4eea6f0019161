import { labError } from '../errors.ts'
import { bytesOf } from '../lsn.ts'
import type { Archive, Backup, Mark } from '../postgres/repository.ts'
import type { Restoring } from '../postgres/start-note.ts'
import { isOn, newestTimeline, segmentAt, segmentIn, wayTo } from './history.ts'
import { momentText } from './moment.ts'

/** Where a restore goes: to a moment (milliseconds since 1970), an LSN, a mark, or the end of the archive. */
export type Goal =
  | { readonly kind: 'time'; readonly at: number }
  | { readonly kind: 'lsn'; readonly lsn: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'end' }

/** What a restore starts from, and what it does then. */
export type RestorePlan = { readonly backup: Backup; readonly timeline: number; readonly restoring: Restoring }

/** Chooses the newest backup that was complete at the goal, on the way to the timeline. Without a timeline: the newest one. */
export function restorePlan(archive: Archive, goal: Goal, wanted: number | undefined, now: number): RestorePlan {
  const { backups, branches, marks } = archive
  const [first] = backups
  if (first === undefined) throw labError('NO_BACKUP')
  const mark = goal.kind === 'name' ? marks.find(({ name }) => name === goal.name) : undefined
  if (goal.kind === 'name' && mark === undefined)
    throw labError('NO_SUCH_MARK', { name: goal.name, marks: marks.map(({ name }) => name).join(', ') || 'none' })
  if (goal.kind === 'time' && goal.at > now)
    throw labError('MOMENT_AHEAD', { moment: momentText(goal.at), now: momentText(now) })
  const timeline = wanted ?? timelineFor(archive, mark)
  const known = new Set([...backups.map((it) => it.timeline), ...branches.map((it) => it.timeline)])
  if (!known.has(timeline))
    throw labError('NO_SUCH_TIMELINE', { timeline, known: [...known].sort((a, b) => a - b).join(', ') })
  const way = wayTo(timeline, branches)
  if (mark !== undefined && !isOn({ timeline: mark.timeline, endLsn: mark.lsn }, way))
    throw labError('MARK_ELSEWHERE', { name: mark.name, on: mark.timeline, timeline })
  const onWay = backups.filter((backup) => isOn(backup, way))
  const backup = onWay.findLast((it) => isComplete(it, goal, mark?.lsn))
  const [earliest] = onWay
  if (backup === undefined)
    throw labError('BEFORE_FIRST_BACKUP', {
      goal: goalText(goal),
      timeline,
      earliest:
        earliest === undefined
          ? 'No backup leads to that timeline'
          : `The earliest possible moment is ${momentText((earliest.ended + 1) * 1000)}, the earliest LSN ${earliest.endLsn}`,
    })
  return { backup, timeline, restoring: { set: backup.label, timeline: String(timeline), ...targetOf(goal) } }
}

/** The newest timeline; for a mark that is not on the way there, the mark's own. */
function timelineFor(archive: Archive, mark: Mark | undefined): number {
  const newest = newestTimeline(archive)
  return mark === undefined || isOn({ timeline: mark.timeline, endLsn: mark.lsn }, wayTo(newest, archive.branches))
    ? newest
    : mark.timeline
}

/**
 * Refuses a goal on a timeline of which nothing was archived yet: PostgreSQL would go on along the timeline before, whose end
 * was thrown away.
 */
export function assertArchived(archive: Archive, goal: Goal, plan: RestorePlan): void {
  const { branches, segments, marks } = archive
  const { backup, timeline } = plan
  if (goal.kind === 'lsn') assertReaches(archive, goal.lsn, timeline)
  const branch = branches.find((it) => it.timeline === timeline)
  if (branch === undefined || backup.timeline === timeline) return
  if (segments.some((name) => segmentIn(name).timeline === timeline)) return
  const mark = goal.kind === 'name' ? marks.find(({ name }) => name === goal.name) : undefined
  const lsn = goal.kind === 'lsn' ? goal.lsn : mark?.lsn
  if (lsn !== undefined && bytesOf(lsn) < bytesOf(branch.at)) return
  throw labError('TIMELINE_NOT_ARCHIVED', { timeline, from: branch.from, at: branch.at })
}

/** Refuses a position that nothing in the archive reaches along that timeline. */
function assertReaches({ branches, segments }: Archive, lsn: string, timeline: number): void {
  const way = wayTo(timeline, branches)
  const stretch = way.find(({ until }) => until === undefined || bytesOf(lsn) < bytesOf(until))
  const own = segments.filter((name) => segmentIn(name).timeline === stretch?.timeline)
  const last = own.at(-1)
  if (last !== undefined && segmentIn(last).nth < segmentAt(lsn))
    throw labError('LSN_NOT_ARCHIVED', { lsn, timeline, last })
}

/** A backup can be restored only to a point after its end: its files are from all the time that it took. */
function isComplete({ ended, endLsn }: Backup, goal: Goal, markLsn: string | undefined): boolean {
  if (goal.kind === 'end') return true
  // The repository counts whole seconds: in the second in which it ended, the backup may have ended after the moment.
  if (goal.kind === 'time') return (ended + 1) * 1000 <= goal.at
  return bytesOf(endLsn) <= bytesOf(goal.kind === 'lsn' ? goal.lsn : (markLsn ?? '0/0'))
}

function targetOf(goal: Goal): Pick<Restoring, 'until' | 'target'> {
  if (goal.kind === 'time') return { until: 'time', target: momentText(goal.at) }
  if (goal.kind === 'lsn') return { until: 'lsn', target: goal.lsn }
  return goal.kind === 'name' ? { until: 'name', target: goal.name } : {}
}

/** The goal in words. */
export function goalText(goal: Goal): string {
  if (goal.kind === 'time') return momentText(goal.at)
  if (goal.kind === 'lsn') return `LSN ${goal.lsn}`
  return goal.kind === 'name' ? `the mark ${goal.name}` : 'the end of the archive'
}
