import type { Deadline } from '@grpc/grpc-js'

/** How long a call may take whose client set no deadline, milliseconds before `patience`. */
const DEFAULT_MS = 10_000
/**
 * No call lasts longer, whatever its deadline, milliseconds before `patience`. A balancer gives a silent call up after 15 s
 * and takes the server for dead: votes that wait for a lock or a standby must not take the server from all who read.
 */
const LONGEST_MS = 14_000

type Asked = { getDeadline(): Deadline }

/** When a call ends that was made now; milliseconds since 1970. */
export function deadlineOf(call: Asked, patience: number): number {
  const asked = Number(call.getDeadline())
  const now = Date.now()
  return Number.isFinite(asked) ? Math.min(asked, now + LONGEST_MS * patience) : now + DEFAULT_MS * patience
}

/** When a part of a stream ends that begins now, and not later than its stream; milliseconds since 1970. */
export function partDeadlineOf(stream: Asked, patience: number): number {
  return Math.min(Number(stream.getDeadline()), Date.now() + DEFAULT_MS * patience)
}
