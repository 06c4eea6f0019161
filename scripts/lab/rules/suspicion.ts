/** What one round of probes saw of the primary. */
export type Round = {
  /** When the round ended, in milliseconds of a clock that only goes forward. */
  readonly at: number
  /** The state of its container if it does not run; looked at only after a failed probe. */
  readonly down: string | undefined
  /** Whether the engine starts its container again, or did so a moment ago. */
  readonly returning: boolean
  /** Why the primary did not answer inside its container; undefined if it did. */
  readonly inside: string | undefined
  /** The same over the network, from the standby's container; undefined also if there is no standby. */
  readonly across: string | undefined
  /** Whether all servers that answer say that they cannot write. Asked only after a failed probe. */
  readonly writesRefused: boolean
  /** Whether another command is changing the lab: then the primary is not dead, whatever is seen. */
  readonly busy: boolean
}

/** What is believed of the primary after some rounds. */
export type Belief = {
  readonly verdict: 'healthy' | 'suspect' | 'dead'
  /** Failed rounds in a row until now. */
  readonly failures: number
  /** Rounds in a row until now in which nothing was heard of it over the network, failed or not. */
  readonly unheard: number
  /** When it was well for the last time, as far as is known. */
  readonly well: number | null
  /** When the first and the last of them ended; null if there are none. */
  readonly since: number | null
  readonly last: number | null
  readonly why: string | null
}

export type Limits = {
  /** Rounds that have to fail in a row. If it is cut off, one of them is enough: the servers were slower to believe it. */
  readonly failures: number
  /** Milliseconds from one of them to the next. After a longer gap this process was suspended, and starts counting again. */
  readonly gap: number
  /** Milliseconds in which the engine may bring it back: it comes back with all that it has, which a promotion may lose. */
  readonly returning: number
}

export const HEALTHY: Belief = {
  verdict: 'healthy',
  failures: 0,
  unheard: 0,
  well: null,
  since: null,
  last: null,
  why: null,
}

/** What is believed after one more round. One success, or another command that changes the lab, resets the count. */
export function afterRound(belief: Belief, round: Round, limits: Limits): Belief {
  if (round.busy) return { ...HEALTHY, well: round.at }
  const { well } = belief
  if (round.returning && well !== null && round.at - well <= limits.returning) return { ...HEALTHY, well }
  const { failures, unheard, since } = belief.last !== null && round.at - belief.last > limits.gap ? HEALTHY : belief
  const heard = round.across === undefined
  const why = failureOf(round)
  if (why === undefined)
    return heard ? { ...HEALTHY, well: round.at } : { ...HEALTHY, well, unheard: unheard + 1, last: round.at }
  const failed = { failures: failures + 1, unheard: heard ? 0 : unheard + 1 }
  const counted = round.down === undefined ? Math.max(failed.failures, failed.unheard) : failed.failures
  const dead = counted >= limits.failures
  return { ...failed, well, verdict: dead ? 'dead' : 'suspect', since: since ?? round.at, last: round.at, why }
}

/**
 * Why a round failed, or undefined. A missing answer is not enough: this process or its connection may be slow. In addition
 * the engine has to say that the container is down, or the servers that they cannot write.
 */
function failureOf({ down, inside, across, writesRefused }: Round): string | undefined {
  if (down !== undefined) return down
  if (across === undefined || !writesRefused) return undefined
  return inside === undefined
    ? `it is cut off: ${across}, and the servers cannot write`
    : `${inside}; ${across}; and the servers cannot write`
}
