// What a run leaves behind: the only thing that the judge and the report know. Times are milliseconds since the run began.
import { z } from 'zod'
import { Machine } from '../docker/machine.ts'

const Ms = z.number()
const Node = z.enum(['db-primary', 'db-replica', 'primary', 'backup', 'loader'])

/** A call as its client saw it, retries of gRPC included: a line of `history.jsonl`. */
export const Call = z.object({
  kind: z.enum(['vote', 'read']),
  /** Which of the callers; each has one call under way at a time. */
  client: z.number(),
  poll: z.string(),
  start: Ms,
  end: Ms,
  /** Acknowledged; certainly not applied; unknown whether applied. */
  outcome: z.enum(['ok', 'definite', 'indefinite']),
  /** The status string of the contract, or the name of the error with its message. */
  answer: z.string(),
  /** The server that answered, as it says itself. */
  server: Node.nullable(),
  /** Of a vote: who voted, which is unique in a run, and for what. */
  user: z.string().nullable(),
  option: z.string().nullable(),
  /** Consistency token that a vote was answered with, or that a read carried. */
  token: z.string().nullable(),
  /** Of a read with a token: votes that it has to see at least, and those that it saw. */
  expected: z.number().nullable(),
  seen: z.number().nullable(),
})
export type Call = z.infer<typeof Call>

/** Something that was done to the lab, or that it did: a mark in the report. */
export const Event = z.object({
  at: Ms,
  kind: z.enum([
    'fault', // the command to inject it begins
    'in-force',
    'detected',
    'checked',
    'fenced',
    'promoted',
    'serving', // a write was acknowledged, as the recovery saw it
    'healed',
    'rejoined',
  ]),
  node: Node.nullable(),
  what: z.string(),
})
export type Event = z.infer<typeof Event>

/** What both databases were at one moment; null where one gave no answer. */
export const Sample = z.object({
  at: Ms,
  databases: z.array(
    z.object({
      name: z.enum(['db-primary', 'db-replica']),
      role: z.enum(['primary', 'standby']).nullable(),
      timeline: z.number().nullable(),
      /** Written by a primary, replayed by a standby. */
      lsn: z.string().nullable(),
      /** Received by a standby. */
      receivedLsn: z.string().nullable(),
    }),
  ),
})
export type Sample = z.infer<typeof Sample>

export const LEVELS = ['async', 'remote_write', 'on', 'remote_apply'] as const
export const RECOVERIES = ['failover', 'watch', 'none'] as const

/** What one run is to do; the same for its repetitions. */
export const Plan = z.object({
  fault: z.string(),
  /** The node that it befalls. */
  node: Node,
  recovery: z.enum(RECOVERIES),
  level: z.enum(LEVELS),
  /** Callers that vote without pause, and those that vote and read what they wrote. */
  voters: z.number(),
  readers: z.number(),
  /** Seconds of load before the fault, and at least after it. */
  before: z.number(),
  after: z.number(),
  /** Standby made to lag before the fault: bytes of WAL that it has not received; 0 for none. */
  lag: z.number(),
  /** What the link from db-primary to db-replica carries, kbit/s; undefined for as much as there is. */
  slow: z.number().optional(),
})
export type Plan = z.infer<typeof Plan>

/** A vote that was acknowledged and is not in the database after the recovery. */
export const LostVote = z.object({ poll: z.string(), user: z.string(), option: z.string(), at: Ms })

const Gap = z.object({ from: Ms, to: Ms }).nullable()
const Availability = z.object({
  calls: z.number(),
  ok: z.number(),
  definite: z.number(),
  indefinite: z.number(),
  /** The longest time without a call that succeeded. */
  longestGap: Gap,
})

/** What the judge found. */
export const Judgement = z.object({
  verdict: z.enum(['pass', 'fail', 'unknown']),
  /** Each in one sentence; of a pass, what it rests on. */
  reasons: z.array(z.string()),
  /** Milliseconds from the fault to the first acknowledged write that began when it was in force; null without one. */
  rto: z.number().nullable(),
  /** The RTO in its parts, in their order, milliseconds; they add up to it. */
  parts: z.array(
    z.object({ name: z.enum(['detection', 'check', 'fencing', 'promotion', 'reconnection']), ms: z.number() }),
  ),
  /** Acknowledged votes before the fault: how many a second, and how long one took, milliseconds; null without one. */
  pace: z.object({ perSecond: z.number(), median: z.number(), p99: z.number() }).nullable(),
  acknowledged: z.number(),
  stored: z.number(),
  lost: z.array(LostVote),
  /** WAL that only the old primary had, bytes; null where nobody could tell. */
  walLost: z.number().nullable(),
  /** Users counted twice. */
  duplicates: z.array(z.string()),
  /** Votes stored although an error said definitely that they were not, or that nobody sent. */
  phantoms: z.array(z.string()),
  staleReads: z.array(z.object({ client: z.number(), at: Ms, expected: z.number(), seen: z.number() })),
  /** Reads that were told that their token's history is lost. */
  historyLost: z.number(),
  writes: Availability,
  reads: Availability,
})
export type Judgement = z.infer<typeof Judgement>

/** One run, whole, but for its history: `result.json` in its folder. */
export const Run = z.object({
  /** Name of its folder. */
  name: z.string(),
  /** When it began, as an ISO date. */
  at: z.string(),
  plan: Plan,
  /** Milliseconds of the whole run. */
  length: Ms,
  events: z.array(Event),
  samples: z.array(Sample),
  judgement: Judgement,
})
export type Run = z.infer<typeof Run>

/** One run or a matrix of them: `experiment.json` in the folder that holds those of its runs. */
export const Experiment = z.object({
  at: z.string(),
  machine: Machine,
  postgres: z.number(),
  verdict: z.enum(['pass', 'fail', 'unknown']),
  runs: z.array(Run),
})
export type Experiment = z.infer<typeof Experiment>

/** A vote as the database holds it after the recovery: a line of `stored.jsonl`. */
export const StoredVote = z.object({ poll: z.string(), user: z.string(), option: z.string() })
export type StoredVote = z.infer<typeof StoredVote>

/** What was found when the load had ended, but for the votes themselves: `found.json` in the folder of a run. */
export const Found = z.object({
  /** Calls that the load recorded; another number in the history means that part of it is missing. */
  calls: z.number(),
  /** Why the load ended before it was asked to; null where it did not. */
  cut: z.string().nullable(),
  /** The database that the stored votes were read from; null where none could be read. */
  readFrom: Node.nullable(),
  /** Results as a server answered them: votes by option. */
  counted: z.array(z.object({ server: Node, poll: z.string(), votes: z.record(z.string(), z.number()) })),
  /** WAL that only the old primary had, bytes; null where nobody could tell. */
  walLost: z.number().nullable(),
  /** What did not go as planned. */
  problems: z.array(z.string()),
})
export type Found = z.infer<typeof Found>
