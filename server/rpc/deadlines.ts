import type { Deadline } from '@grpc/grpc-js'

/** Milliseconds, before `patience`, for a call whose client set no deadline. */
const DEFAULT_MS = 10_000
/**
 * Milliseconds, before `patience`: no call lasts longer, whatever its deadline. After 15 s without an answer the balancer
 * takes the server for dead. Votes that wait for a lock or a standby must not make the server unavailable for readers.
 */
const LONGEST_MS = 14_000

type Asked = { getDeadline(): Deadline }

/** The end of a call that begins now, milliseconds since 1970. */
export function deadlineOf(call: Asked, patience: number): number {
  const asked = Number(call.getDeadline())
  const now = Date.now()
  return Number.isFinite(asked) ? Math.min(asked, now + LONGEST_MS * patience) : now + DEFAULT_MS * patience
}

/** The end of a part of a stream that begins now, not later than its stream, milliseconds since 1970. */
export function partDeadlineOf(stream: Asked, patience: number): number {
  return Math.min(Number(stream.getDeadline()), Date.now() + DEFAULT_MS * patience)
}
