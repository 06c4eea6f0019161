import type { Position } from './token.ts'

/** The last poll of a page: its time of creation in microseconds since the epoch, and its id. */
export type PageEnd = {
  createdAt: bigint
  id: string
  /** The position in the databases' history that the first page saw; later pages include it, on any database. */
  seenUpTo: Position | undefined
}

/** It changes with the layout, so that a token of another version is refused and not misread. */
const VERSION = 1
const BYTES = 37
const TEXT = /^[\w-]{50}$/
/** The end of the year 9999: later times would be out of PostgreSQL's range. */
const LATEST = 253_402_300_800_000_000n

/** Writes a page token: version, timeline (0 for none), LSN, time, id. */
export function pageToken({ createdAt, id, seenUpTo }: PageEnd): string {
  const token = Buffer.alloc(BYTES)
  token.writeUInt8(VERSION, 0)
  token.writeUInt32BE(seenUpTo?.timeline ?? 0, 1)
  token.writeBigUInt64BE(seenUpTo?.lsn ?? 0n, 5)
  token.writeBigInt64BE(createdAt, 13)
  token.write(id.replaceAll('-', ''), 21, 'hex')
  return token.toString('base64url')
}

/** Reads a page token; undefined if it is none. */
export function parsePageToken(text: string): PageEnd | undefined {
  if (!TEXT.test(text)) return undefined
  const token = Buffer.from(text, 'base64url')
  const timeline = token.readUInt32BE(1)
  const end: PageEnd = {
    createdAt: token.readBigInt64BE(13),
    id: token.toString('hex', 21).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    seenUpTo: timeline === 0 ? undefined : { timeline, lsn: token.readBigUInt64BE(5) },
  }
  if (end.createdAt < 0n || end.createdAt > LATEST) return undefined
  // If it differs when written again, it is of another version or not ours.
  return pageToken(end) === text ? end : undefined
}
