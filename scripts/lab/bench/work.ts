/** What a call does. Each load has its own prefix for voters and numbers them, so that every vote is the first of its user. */
export type Work =
  | { readonly kind: 'health' }
  | { readonly kind: 'vote'; readonly poll: string; readonly voters: string; readonly keys: boolean }
  | { readonly kind: 'results'; readonly poll: string }
  /** Results and votes in turn: `reads` of `of` calls read results. */
  | {
      readonly kind: 'mixed'
      readonly poll: string
      readonly voters: string
      readonly keys: boolean
      readonly reads: number
      readonly of: number
    }
  /** Batches of votes on the stream CastVotes, one stream for each connection. */
  | {
      readonly kind: 'bulk'
      readonly poll: string
      readonly voters: string
      readonly keys: boolean
      readonly batch: number
    }

/** When a call begins: as soon as the caller has its last answer, or at fixed times. */
export type Pace = { readonly callers: number } | { readonly perSecond: number }

/** The order for one generator. */
export type Order = {
  readonly address: string
  readonly work: Work
  readonly pace: Pace
  /** Number of connections for the calls. */
  readonly connections: number
  /** When to begin, milliseconds since the epoch. */
  readonly startAt: number
  /** Seconds of warm-up that do not count. */
  readonly warmUp: number
  /** Seconds that count. */
  readonly seconds: number
}

/** The result of an order. */
export type Report = {
  /** The number of calls by result: `ok`, or the error. It includes calls outside the time that counts. A batch is one call. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Answers in the time that counts; for a bulk stream, votes. */
  readonly answers: number
  /** All answers, counted in the same way. */
  readonly allAnswers: number
  /** All votes that were answered as stored. */
  readonly votes: number
  /** Milliseconds of each call in the time that counts, from the time when it should have begun. */
  readonly latencies: Float64Array
}

/** The option that all votes are for. */
export const OPTION = 'b'
