/** What one round of probes saw of the primary. */
export type Round = {
  /** When it ended, in milliseconds of any clock that only goes forward. */
  readonly at: number
  /** What the engine says of its container where it does not run; looked at only where there is a doubt. */
  readonly down: string | undefined
  /** Why the primary did not answer when it was asked inside its container; undefined where it did. */
  readonly inside: string | undefined
  /** The same over the network, from the standby's container; undefined also where nobody was there to ask. */
  readonly across: string | undefined
  /** Do all servers that answer say that they can write to nobody? Asked only where there is a doubt. */
  readonly writesRefused: boolean
  /** Is another command changing the lab? What it does to the primary is no death. */
  readonly busy: boolean
}

/** What is believed of the primary after some rounds. */
export type Belief = {
  readonly verdict: 'healthy' | 'suspect' | 'dead'
  /** Rounds that failed, one after another, up to now. */
  readonly failures: number
  /** When the first and the last of them ended; null where none did. */
  readonly since: number | null
  readonly last: number | null
  readonly why: string | null
}

export type Limits = {
  /** Rounds that have to fail one after another. */
  readonly failures: number
  /** Milliseconds from one of them to the next: after more, whoever probes has been asleep, and begins to count anew. */
  readonly gap: number
}

export const HEALTHY: Belief = { verdict: 'healthy', failures: 0, since: null, last: null, why: null }

/** What is believed after one more round. One success, or another command at work, forgets all failures. */
export function afterRound(belief: Belief, round: Round, limits: Limits): Belief {
  const why = failureOf(round)
  if (why === undefined || round.busy) return HEALTHY
  const { failures, since } = belief.last !== null && round.at - belief.last > limits.gap ? HEALTHY : belief
  return {
    verdict: failures + 1 >= limits.failures ? 'dead' : 'suspect',
    failures: failures + 1,
    since: since ?? round.at,
    last: round.at,
    why,
  }
}

/**
 * Why a round failed, or undefined. No answer is never enough: what asks, or what it asks through, may be what is slow.
 * The engine has to say that the container is down, or the servers that they cannot write.
 */
function failureOf({ down, inside, across, writesRefused }: Round): string | undefined {
  if (down !== undefined) return down
  if (across === undefined || !writesRefused) return undefined
  return inside === undefined
    ? `it is cut off: ${across}, and the servers cannot write`
    : `${inside}; ${across}; and the servers cannot write`
}
