/** First half of the advisory locks by which votes and ClosePoll take turns: "gate" in ASCII. */
export const GATE = 0x67617465

/**
 * SQL for the second half, the gate of a poll. A row lock alone would let votes that share it keep a ClosePoll waiting
 * for ever; these locks are first come, first served. Few gates for all polls, so that a group of votes holds few locks.
 */
export function gateOf(poll: string): string {
  return `uuid_hash(${poll}) & 63`
}
