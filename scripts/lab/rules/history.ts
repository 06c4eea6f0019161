import { bytesOf } from '../lsn.ts'
import type { Archive, Backup, Branch } from '../postgres/repository.ts'

/** Bytes of WAL in a segment: PostgreSQL's usual size, which the lab keeps. */
const SEGMENT = 16n * 1024n * 1024n
const IN_A_LOG = 0x1_0000_0000n / SEGMENT

/** The timeline of a segment, and which one it is, counted from the beginning of all WAL. */
export function segmentIn(name: string): { readonly timeline: number; readonly nth: bigint } {
  const [timeline = '0', log = '0', segment = '0'] = [name.slice(0, 8), name.slice(8, 16), name.slice(16, 24)]
  return { timeline: Number.parseInt(timeline, 16), nth: BigInt(`0x${log}`) * IN_A_LOG + BigInt(`0x${segment}`) }
}

/** The name of that segment. */
export function segmentName(timeline: number, nth: bigint): string {
  const hex = (value: bigint) => value.toString(16).toUpperCase().padStart(8, '0')
  return hex(BigInt(timeline)) + hex(nth / IN_A_LOG) + hex(nth % IN_A_LOG)
}

/** Which segment has the byte at that LSN. */
export const segmentAt = (lsn: string): bigint => bytesOf(lsn) / SEGMENT

/** Whether a segment was archived that a database at that LSN of a timeline has not written to its end: then it is not its own. */
export function isAhead(archived: string, timeline: number, lsn: string): boolean {
  const its = segmentIn(archived)
  return its.timeline > timeline || (its.timeline === timeline && (its.nth + 1n) * SEGMENT > bytesOf(lsn))
}

/** One stretch of a way: a timeline up to where the next one of the way began; undefined: to its end. */
export type Stretch = { readonly timeline: number; readonly until: string | undefined }

/** The timelines that lead to that one, the first first. */
export function wayTo(timeline: number, branches: readonly Branch[]): readonly Stretch[] {
  const way: Stretch[] = [{ timeline, until: undefined }]
  for (let first = timeline; ; ) {
    const branch = branches.find((it) => it.timeline === first)
    if (branch === undefined || way.some((it) => it.timeline === branch.from)) return way
    way.unshift({ timeline: branch.from, until: branch.at })
    first = branch.from
  }
}

/** The newest timeline that the repository has something of. */
export const newestTimeline = ({ backups, segments, branches }: Archive): number =>
  Math.max(
    1,
    ...backups.map(({ timeline }) => timeline),
    ...branches.map(({ timeline }) => timeline),
    ...(segments.length === 0 ? [] : [segmentIn(segments.at(-1) ?? '').timeline]),
  )

/** Timelines with WAL that the newest timeline does not come from, as a failover or a restore leaves behind; the oldest first. */
export function abandonedIn(archive: Archive): readonly number[] {
  const way = wayTo(newestTimeline(archive), archive.branches)
  const isLeftBehind = (name: string) => {
    const { timeline, nth } = segmentIn(name)
    return !way.some((it) => it.timeline === timeline && (it.until === undefined || nth < segmentAt(it.until)))
  }
  return [...new Set(archive.segments.filter(isLeftBehind).map((name) => segmentIn(name).timeline))]
}

/** The timeline that the lab was on at a moment (milliseconds since 1970). */
export function timelineAt({ branches }: Archive, moment: number): number {
  const begun = branches.filter(({ began }) => began * 1000 <= moment).toSorted((a, b) => a.began - b.began)
  return begun.at(-1)?.timeline ?? Math.min(1, ...branches.map(({ from }) => from))
}

/**
 * The timeline that the lab was on at a moment, if a restore along `timeline` up to `replayedTo` did not come there, and its WAL
 * is there. Undefined if it came there.
 */
export function leftBefore(archive: Archive, timeline: number, moment: number, replayedTo: string): number | undefined {
  const then = timelineAt(archive, moment)
  const stretch = wayTo(timeline, archive.branches).find((it) => it.timeline === then)
  const came = stretch !== undefined && (stretch.until === undefined || bytesOf(replayedTo) < bytesOf(stretch.until))
  return came || !abandonedIn(archive).includes(then) ? undefined : then
}

/** Whether a backup or a mark is on the way to a timeline, so that a restore along it comes there. */
export const isOn = ({ timeline, endLsn }: Pick<Backup, 'timeline' | 'endLsn'>, way: readonly Stretch[]): boolean =>
  way.some((it) => it.timeline === timeline && (it.until === undefined || bytesOf(endLsn) <= bytesOf(it.until)))

/** The first segment that a restore from a backup lacks along a way, although later ones are there; undefined if none is missing. */
export function missingAfter(backup: Backup, way: readonly Stretch[], { segments }: Archive): string | undefined {
  const there = new Set(segments)
  const last = segments.map(segmentIn)
  let nth = segmentIn(backup.firstSegment).nth
  const begin = way.findIndex(({ timeline }) => timeline === backup.timeline)
  for (const [index, { timeline, until }] of way.entries()) {
    if (index < begin) continue
    // The segment in which the next timeline begins is there under that timeline's name.
    const end =
      until === undefined
        ? last.filter((it) => it.timeline === timeline).reduce((end, it) => (it.nth > end ? it.nth : end), nth - 1n) +
          1n
        : segmentAt(until)
    for (; nth < end; nth += 1n) if (!there.has(segmentName(timeline, nth))) return segmentName(timeline, nth)
  }
  return undefined
}

/** A backup that cannot be replayed past a segment that is missing. `after`: the newest backup, if it does not need that one. */
export type Gap = { readonly backup: Backup; readonly segment: string; readonly after: Backup | undefined }

/** Backups from which WAL is missing along the way to the newest timeline, each with the first segment that is missing. */
export function gapsIn(archive: Archive): readonly Gap[] {
  const way = wayTo(newestTimeline(archive), archive.branches)
  const onWay = archive.backups
    .filter((backup) => isOn(backup, way))
    .map((backup) => ({ backup, segment: missingAfter(backup, way, archive) }))
  const last = onWay.at(-1)
  const after = last?.segment === undefined ? last?.backup : undefined
  return onWay.flatMap(({ backup, segment }) => (segment === undefined ? [] : [{ backup, segment, after }]))
}

/** A gap, and what helps. */
export const gapText = ({ backup, segment, after }: Gap): string =>
  `segment ${segment} is missing: ${backup.label} can be restored only up to it; ${
    after === undefined
      ? 'zx scripts/backup.ts makes a new backup, from which everything after it can be restored'
      : `${after.label} does not need it`
  }`
