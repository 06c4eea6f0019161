import { fileOf } from '../docker/volume.ts'
import { bytesOf } from '../lsn.ts'
import type { DatabaseNode } from '../topology/topology.ts'

const PAGE = 8192
const SEGMENT = 16 * 1024 * 1024

/** Where WAL ends on a node's disk, or why that cannot be known. */
export type WalEnd = { readonly end: bigint } | { readonly problem: string }

/**
 * Finds the end of WAL in the data of a node, running or not, without starting anything on it. It searches from `lsn` on,
 * on `timeline` or a later one of the node. Pages are written in order, each names its position, and its unused rest is zero.
 */
export async function walEndOf(node: DatabaseNode, timeline: number, lsn: string): Promise<WalEnd> {
  const timelines = await timelinesFrom(node, timeline)
  const from = bytesOf(lsn)
  // Start with the segment of the last byte before `lsn`: a segment that begins at `lsn` may not exist yet.
  const last = from === 0n ? from : from - 1n
  const first = last - (last % BigInt(SEGMENT))
  let end = from
  for (let start = first; ; start += BigInt(SEGMENT)) {
    const segment = await segmentOf(node, timelines, start)
    if ('problem' in segment) return start === first ? segment : { end }
    const filled = filledTo(segment.bytes, start)
    const seen = start + BigInt(filled)
    if (seen > end) end = seen
    if (filled < SEGMENT) return { end }
  }
}

/** The names of the segments that have the WAL between two positions of a timeline. */
export function segmentsBetween(timeline: number, from: bigint, to: bigint): readonly string[] {
  const names: string[] = []
  for (let start = from - (from % BigInt(SEGMENT)); start < to; start += BigInt(SEGMENT))
    names.push(segmentName(timeline, start))
  return names
}

/** That timeline and the later ones of a node, the newest first: each has a history file. */
export async function timelinesFrom(node: DatabaseNode, timeline: number): Promise<readonly number[]> {
  const timelines = [timeline]
  for (let next = timeline + 1; !('problem' in (await fileOf(node, `data/pg_wal/${hex(next)}.history`))); next++)
    timelines.unshift(next)
  return timelines
}

/** The part of a segment that has WAL in it. A new timeline begins with a copy of the last segment of the timeline before. */
async function segmentOf(node: DatabaseNode, timelines: readonly number[], start: bigint) {
  let segment: Awaited<ReturnType<typeof fileOf>> = { problem: 'no timeline' }
  for (const timeline of timelines) {
    segment = await fileOf(node, `data/pg_wal/${segmentName(timeline, start)}`, (beginning) => endsIn(beginning, start))
    if (!('problem' in segment)) break
  }
  return segment
}

/** Bytes of a segment with WAL of its own. The rest may be old WAL, since PostgreSQL uses its files again. */
export function filledTo(segment: Buffer, start: bigint): number {
  let page = 0
  while (page + PAGE <= segment.length && segment.readBigUInt64LE(page + 8) === start + BigInt(page)) page += PAGE
  if (page === 0 || page === segment.length) return page
  let end = page
  while (end > page - PAGE && segment[end - 1] === 0) end -= 1
  return end
}

/** Whether WAL ends within this part of a segment. Mostly it ends long before the segment does. */
function endsIn(beginning: Buffer, start: bigint): boolean {
  const pages = beginning.subarray(0, beginning.length - (beginning.length % PAGE))
  return filledTo(pages, start) < pages.length
}

/** File name of the segment that a position is in. */
export const segmentName = (timeline: number, lsn: bigint): string =>
  hex(timeline) + hex(lsn >> 32n) + hex((lsn & 0xffffffffn) / BigInt(SEGMENT))

const hex = (value: number | bigint): string => value.toString(16).toUpperCase().padStart(8, '0')
