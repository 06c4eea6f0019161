// What experiments say about a lease: a pure function of their records.
import type { Experiment } from '../../scripts/lab/exercise/face.ts'

/** Patroni's ttl, loop_wait and retry_timeout, in seconds. */
export type Lease = NonNullable<Experiment['runs'][number]['plan']['lease']>

/**
 * Seconds that the network may be silent. A primary gives up after about its retry_timeout: seen after 8 s with 8, and not after 8.4 s
 * with 9.
 */
export const SILENCE = 8

/** Whether a primary goes on through that silence. */
export const survives = ({ retry_timeout }: Lease): boolean => retry_timeout > SILENCE

/** The shortest ttl is Patroni's own floor; with a longer loop_wait a lease ends later after the last sign of life. */
export const isFast = ({ ttl, loop_wait }: Lease): boolean => ttl === 20 && loop_wait <= 2

/** Seconds from the crash of the primary to the first acknowledged vote, of each run with that lease. */
export const measuredWith = (experiments: readonly Experiment[], lease: Lease): readonly number[] =>
  experiments.flatMap(({ runs }) =>
    runs.flatMap(({ plan, judgement: { rto } }) => {
      const isIt = plan.fault === 'crash' && plan.node === 'db-primary' && plan.lease !== undefined
      return isIt && isSame(plan.lease, lease) && rto !== null ? [rto / 1000] : []
    }),
  )

const isSame = (one: Lease | undefined, other: Lease): boolean =>
  one?.ttl === other.ttl && one.loop_wait === other.loop_wait && one.retry_timeout === other.retry_timeout

/** Whether an answer lies within what was measured; the learner rounds it. Seconds. */
export const fits = (said: number, measured: readonly number[]): boolean =>
  measured.length > 0 && said >= Math.min(...measured) - ROUNDING && said <= Math.max(...measured) + ROUNDING

const ROUNDING = 0.5
