import type { Deadline } from '@grpc/grpc-js'

/** How long a call may take whose client set no deadline, milliseconds before `patience`. */
const DEFAULT_MS = 10_000
/** No call lasts longer, whatever its deadline, milliseconds before `patience`; as the database's statement timeout. */
const LONGEST_MS = 30_000

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
