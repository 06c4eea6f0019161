import { fileOf } from '../docker/nodes.ts'
import { bytesOf } from '../lsn.ts'
import type { DatabaseNode } from '../topology/topology.ts'

const PAGE = 8192
const SEGMENT = 16 * 1024 * 1024

/** Where WAL ends on a node's disk, and why not where it cannot be told. */
export type WalEnd = { readonly end: bigint } | { readonly problem: string }

/**
 * Finds the end of WAL in the data of a node, running or not, from `lsn` on, without starting anything on it: on
 * `timeline`, or one that the node has begun since. Pages are written in order, each says which position it is for, and what a page has not been filled with is zero.
 */
export async function walEndOf(node: DatabaseNode, timeline: number, lsn: string): Promise<WalEnd> {
  const timelines = await timelinesFrom(node, timeline)
  const from = bytesOf(lsn)
  // The segment of the last byte before it: the one that begins there may not have been made yet.
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

/** That timeline and those that a node has begun since, the newest first: each leaves a file with its history. */
export async function timelinesFrom(node: DatabaseNode, timeline: number): Promise<readonly number[]> {
  const timelines = [timeline]
  for (let next = timeline + 1; !('problem' in (await fileOf(node, `pg_wal/${hex(next)}.history`))); next++)
    timelines.unshift(next)
  return timelines
}

/** So much of a segment as has WAL in it. A new timeline begins with a copy of the segment that the one before ended in. */
async function segmentOf(node: DatabaseNode, timelines: readonly number[], start: bigint) {
  let segment: Awaited<ReturnType<typeof fileOf>> = { problem: 'no timeline' }
  for (const timeline of timelines) {
    segment = await fileOf(node, `pg_wal/${segmentName(timeline, start)}`, (beginning) => endsIn(beginning, start))
    if (!('problem' in segment)) break
  }
  return segment
}

/** Bytes of a segment that hold WAL of its own, and not what was left in a file that is used again. */
export function filledTo(segment: Buffer, start: bigint): number {
  let page = 0
  while (page + PAGE <= segment.length && segment.readBigUInt64LE(page + 8) === start + BigInt(page)) page += PAGE
  if (page === 0 || page === segment.length) return page
  let end = page
  while (end > page - PAGE && segment[end - 1] === 0) end -= 1
  return end
}

/** Does WAL end in what there is of a segment? Most often long before its own end. */
function endsIn(beginning: Buffer, start: bigint): boolean {
  const pages = beginning.subarray(0, beginning.length - (beginning.length % PAGE))
  return filledTo(pages, start) < pages.length
}

/** File name of the segment that a position is in. */
export const segmentName = (timeline: number, lsn: bigint): string =>
  hex(timeline) + hex(lsn >> 32n) + hex((lsn & 0xffffffffn) / BigInt(SEGMENT))

const hex = (value: number | bigint): string => value.toString(16).toUpperCase().padStart(8, '0')
