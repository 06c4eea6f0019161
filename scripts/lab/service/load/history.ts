// The history of a load: its calls, as their callers saw them. Times are milliseconds since the run began.
import { z } from 'zod'
import { NODE_NAMES } from '../../topology/topology.ts'

export const Ms = z.number()
export const Node = z.enum(NODE_NAMES)

/** A call as its client saw it, with all its repetitions: a line of the history. */
export const Call = z.object({
  kind: z.enum(['vote', 'read']),
  /** Number of the caller; each makes one call at a time. */
  client: z.number(),
  poll: z.string(),
  start: Ms,
  end: Ms,
  /** `ok`: acknowledged; `definite`: not applied; `indefinite`: unknown whether applied. */
  outcome: z.enum(['ok', 'definite', 'indefinite']),
  /** The status of the contract, or the name of the error with its message. */
  answer: z.string(),
  /** The server that answered, by its own name. */
  server: Node.nullable(),
  /** For a vote: the user, unique in a run, and the option. */
  user: z.string().nullable(),
  option: z.string().nullable(),
  /** The consistency token that a vote returned, or that a read sent. */
  token: z.string().nullable(),
  /** For a read with a token: the number of votes that it must see at least, and that it saw. */
  expected: z.number().nullable(),
  seen: z.number().nullable(),
})
export type Call = z.infer<typeof Call>

/** Errors that tell a reader that the write of its token is gone. */
export const HISTORY_LOST: readonly string[] = ['HISTORY_LOST', 'TOKEN_AHEAD']

/** The name at the beginning of an answer. */
export const nameOf = (answer: string): string => answer.split(':')[0] ?? ''

/** The clock of a run, the same for every thread and process that knows when the run began. */
export type Clock = {
  /** When the run began, milliseconds since the epoch. */
  readonly origin: number
  /** Milliseconds since then. */
  readonly now: () => number
  /** The same for a time from another process, given in milliseconds since the epoch. */
  readonly at: (epoch: number) => number
}

/** The clock of a run that began at `origin`. */
export function clockFrom(origin: number): Clock {
  const at = (epoch: number) => Math.round((epoch - origin) * 100) / 100
  return { origin, at, now: () => at(performance.timeOrigin + performance.now()) }
}
