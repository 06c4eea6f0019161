/** What a call does. Voters are numbered behind a prefix of their own, so that every vote is the first of its user. */
export type Work =
  | { readonly kind: 'health' }
  | { readonly kind: 'vote'; readonly poll: string; readonly voters: string; readonly keys: boolean }
  | { readonly kind: 'results'; readonly poll: string }
  /** Results and votes in turn, `reads` of `of` calls being results. */
  | {
      readonly kind: 'mixed'
      readonly poll: string
      readonly voters: string
      readonly keys: boolean
      readonly reads: number
      readonly of: number
    }
  /** Batches of votes on the stream CastVotes, one stream a connection. */
  | {
      readonly kind: 'bulk'
      readonly poll: string
      readonly voters: string
      readonly keys: boolean
      readonly batch: number
    }

/** When a call begins: as soon as the caller has its last answer; or at fixed times, whatever became of those before. */
export type Pace = { readonly callers: number } | { readonly perSecond: number }

/** What one generator has to do. */
export type Order = {
  readonly address: string
  readonly work: Work
  readonly pace: Pace
  /** Connections to spread the calls over. */
  readonly connections: number
  /** When to begin, milliseconds since the epoch. */
  readonly startAt: number
  /** Seconds at the beginning that do not count. */
  readonly warmUp: number
  /** Seconds that count. */
  readonly seconds: number
}

/** What came of it. */
export type Report = {
  /** How each call ended, those before and after the time that counts too: `ok`, or what else. A batch is one call. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Answers that came in the time that counts; of a bulk stream, votes. */
  readonly answers: number
  /** Answers in all, as above. */
  readonly allAnswers: number
  /** Votes that were answered as stored, in all. */
  readonly votes: number
  /** Milliseconds of each call that began in the time that counts, from when it should have begun. */
  readonly latencies: Float64Array
}

/** The option that all votes are for. */
export const OPTION = 'b'
