/** A point in the databases' history: a timeline, and a position in its WAL. */
export type Position = { timeline: number; lsn: bigint }

/** The position of a node, and the ends of the timelines before its own. */
export type Standing = { position: Position; history: Position[] }

/** Whether a node has the write of a token. */
export type Verdict =
  /** The node has everything up to the token. */
  | { kind: 'reached' }
  /** The node's history leads to the token, but the node is not there yet. */
  | { kind: 'ahead' }
  /** The node's history left the token's timeline before the token's position: the node does not have that write. */
  | { kind: 'lost'; endedAt: bigint | undefined }

const TOKEN = /^([1-9][0-9]{0,9})-([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/

/** Reads a consistency token, such as 1-0/3000148; undefined if it is none. */
export function parseToken(text: string): Position | undefined {
  const [, timeline, high, low] = TOKEN.exec(text) ?? []
  if (!timeline || !high || !low) return undefined
  return { timeline: Number(timeline), lsn: lsnOf(high, low) }
}

const lsnOf = (high: string, low: string): bigint => (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)

/** Bytes of WAL up to a position that PostgreSQL wrote, such as 0/3000148. */
export function bytesUpTo(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/')
  return lsnOf(high, low)
}

/** Writes a consistency token. */
export function tokenText({ timeline, lsn }: Position): string {
  return `${timeline}-${lsnText(lsn)}`
}

/** Writes a position in the WAL as PostgreSQL does. */
export function lsnText(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}`.toUpperCase()
}

/** Judges whether a node has the write of a token. If the node does not know its position, that is unknown. */
export function judge(token: Position, node: Standing | undefined): Verdict {
  if (!node || token.timeline > node.position.timeline) return { kind: 'ahead' }
  if (token.timeline < node.position.timeline) {
    const end = node.history.find(({ timeline }) => timeline === token.timeline)
    if (!end || token.lsn > end.lsn) return { kind: 'lost', endedAt: end?.lsn }
  }
  return { kind: token.lsn <= node.position.lsn ? 'reached' : 'ahead' }
}
