import type { Position } from './token.ts'

/** Where a page of polls ended: after this poll, by its time of creation in microseconds since the epoch and its id. */
export type PageEnd = {
  createdAt: bigint
  id: string
  /** What the first page could see of the databases' history; later pages see it too, wherever they are read. */
  seenUpTo: Position | undefined
}

/** Changes whenever the layout does, so that a token of another version is refused and not misread. */
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

/** Reads a page token; undefined for what is none. */
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
  // Written again it is the same, or it was of another version, or not ours.
  return pageToken(end) === text ? end : undefined
}
