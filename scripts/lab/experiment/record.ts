// The files that a run leaves: the judge and the report use nothing else. Times are milliseconds since the run began.
import { z } from 'zod'
import { Machine } from '../docker/machine.ts'
import { leaseText } from '../rules/patroni-settings.ts'
import { Call, Ms, Node } from '../service/load/history.ts'
import { DATABASE_NAMES, MANAGER_NAMES } from '../topology/topology.ts'

/** A line of `history.jsonl`. */
export { Call }

/** An event: something that was done to the lab, or that it did. A mark in the report. */
export const Event = z.object({
  at: Ms,
  kind: z.enum([
    'fault', // the command to inject it begins
    'in-force',
    'detected', // with Patroni: the lease of the old primary ended
    'checked', // with Patroni: a standby got the lease
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

/** The roles and positions of the databases at one moment; null if one did not answer. */
export const Sample = z.object({
  at: Ms,
  databases: z.array(
    z.object({
      name: z.enum(DATABASE_NAMES),
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
export const RECOVERIES = ['failover', 'watch', 'salvage', 'watch-salvage', 'restore', 'none'] as const

/** The plan of a run; repetitions have the same plan. */
export const Plan = z.object({
  fault: z.string(),
  /** The node that gets the fault. */
  node: Node,
  recovery: z.enum(RECOVERIES),
  /** Experiments from before there was a choice had the lab's own verbs. */
  manager: z.enum(MANAGER_NAMES).default('scripted'),
  /** Patroni's settings, in seconds; undefined for those that the lab begins with. */
  lease: z.object({ ttl: z.number(), loop_wait: z.number(), retry_timeout: z.number() }).optional(),
  level: z.enum(LEVELS),
  /** Number of callers that vote without pause, and of callers that vote and read what they wrote. */
  voters: z.number(),
  readers: z.number(),
  /** Seconds of load before the fault, and at least after it. */
  before: z.number(),
  after: z.number(),
  /** Bytes of WAL that the standby must lack before the fault; 0 for none. */
  lag: z.number(),
  /** Rate of the link from the primary to its standbys in kbit/s; undefined for no limit. */
  slow: z.number().optional(),
})
export type Plan = z.infer<typeof Plan>

/** The manager of a plan, and its lease if the plan has one. */
export const managedAs = ({ manager, lease }: Pick<Plan, 'manager' | 'lease'>): string =>
  lease === undefined ? manager : `${manager} ${leaseText(lease)}`

/** A vote that was acknowledged but is not in the database after the recovery. */
export const LostVote = z.object({ poll: z.string(), user: z.string(), option: z.string(), at: Ms })

const Gap = z.object({ from: Ms, to: Ms }).nullable()
const Availability = z.object({
  calls: z.number(),
  ok: z.number(),
  definite: z.number(),
  indefinite: z.number(),
  /** The longest time without a successful call, milliseconds. */
  longestGap: Gap,
})

/** The findings of the judge. */
export const Judgement = z.object({
  verdict: z.enum(['pass', 'fail', 'unknown']),
  /** Each in one sentence. For a pass: the evidence. */
  reasons: z.array(z.string()),
  /** Milliseconds from the fault to the first acknowledged write that began after it was in force; null if there is none. */
  rto: z.number().nullable(),
  /** The parts of the RTO in order, in milliseconds; their sum is the RTO. */
  parts: z.array(
    z.object({
      name: z.enum(['detection', 'check', 'fencing', 'lease', 'race', 'promotion', 'reconnection']),
      ms: z.number(),
    }),
  ),
  /** Milliseconds in which clients got votes acknowledged on two timelines, so by two primaries. */
  splitBrain: z.number().default(0),
  /** Acknowledged votes before the fault: their rate per second and how long they took in milliseconds; null if none. */
  pace: z.object({ perSecond: z.number(), median: z.number(), p99: z.number() }).nullable(),
  acknowledged: z.number(),
  stored: z.number(),
  lost: z.array(LostVote),
  /** Bytes of WAL that only the old primary had; null if unknown. */
  walLost: z.number().nullable(),
  /** Users counted twice. */
  duplicates: z.array(z.string()),
  /** Votes that are stored although a definite error said that they were not, or although nobody sent them. */
  phantoms: z.array(z.string()),
  staleReads: z.array(z.object({ client: z.number(), at: Ms, expected: z.number(), seen: z.number() })),
  /** Reads that got the answer that the write of their token is lost. */
  historyLost: z.number(),
  writes: Availability,
  reads: Availability,
})
export type Judgement = z.infer<typeof Judgement>

/** A run without its history: `result.json` in its folder. */
export const Run = z.object({
  /** Name of its folder. */
  name: z.string(),
  /** When it began, as an ISO date. */
  at: z.string(),
  plan: Plan,
  /** Length of the run, milliseconds. */
  length: Ms,
  events: z.array(Event),
  samples: z.array(Sample),
  judgement: Judgement,
})
export type Run = z.infer<typeof Run>

/** One run or a matrix of runs: `experiment.json` in the folder above the runs' folders. */
export const Experiment = z.object({
  at: z.string(),
  machine: Machine,
  postgres: z.number(),
  verdict: z.enum(['pass', 'fail', 'unknown']),
  runs: z.array(Run),
})
export type Experiment = z.infer<typeof Experiment>

/** A vote in the database after the recovery: a line of `stored.jsonl`. */
export const StoredVote = z.object({ poll: z.string(), user: z.string(), option: z.string() })
export type StoredVote = z.infer<typeof StoredVote>

/** What was found after the load ended, without the votes: `found.json` in the folder of a run. */
export const Found = z.object({
  /** Number of calls that the load recorded. If the history has another number, part of it is missing. */
  calls: z.number(),
  /** Why the load ended early; null if it did not. */
  cut: z.string().nullable(),
  /** The database that the stored votes were read from; null if none could be read. */
  readFrom: Node.nullable(),
  /** The results of a server: votes by option. */
  counted: z.array(z.object({ server: Node, poll: z.string(), votes: z.record(z.string(), z.number()) })),
  /** Bytes of WAL that only the old primary had; null if unknown. */
  walLost: z.number().nullable(),
  /** What did not go as planned. */
  problems: z.array(z.string()),
})
export type Found = z.infer<typeof Found>
