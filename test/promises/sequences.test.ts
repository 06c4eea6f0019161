// The same sequences each time. Others: SEQUENCES_SEED=$RANDOM npm test -- promises/sequences; only what failed: SEQUENCES_PATH=… as well.
// The commands are the same; when they meet which call is up to the machine. SEQUENCES_RUNS=50 runs so many.
import fc from 'fast-check'
import tap, { test } from 'tap'
import { KINDS } from '../../scripts/lab/faults/kinds.ts'
import { lab, patience, resetAfter } from '../the-lab.ts'
import {
  assertAlways,
  assertKept,
  type Command,
  carryOut,
  interruptedAfter,
  judged,
  makeWhole,
  RUNS,
  SEED,
  succeeds,
} from './sequence.ts'

/** Seconds for one sequence. */
const MOST_SECONDS = 180
tap.setTimeout(MOST_SECONDS * RUNS * 1000 * patience)

const fault: fc.Arbitrary<Command> = fc
  .record({
    kind: fc.constantFrom(...KINDS.map(({ name }) => name)),
    node: fc.constantFrom('db-primary', 'db-replica', 'db-primary', 'db-replica', 'primary', 'backup'),
  })
  .map(({ kind, node }) => ({ verb: 'fault', args: [kind, node] }))
const recovery: fc.Arbitrary<Command> = fc.record({
  verb: fc.constantFrom('failover', 'switchover', 'rejoin'),
  args: fc.constant([]),
  interruptedAfter,
})
const step: fc.Arbitrary<Command | 'vote'> = fc.oneof(
  { weight: 4, arbitrary: fault },
  { weight: 6, arbitrary: recovery },
  { weight: 1, arbitrary: fc.constant({ verb: 'fault', args: ['heal'] }) },
  // Goes on when a vote is acknowledged, or when that takes too long.
  { weight: 2, arbitrary: fc.constant('vote' as const) },
)

test('any sequence of faults, failovers, switchovers, rejoins and heals under load ends with one primary, a streaming standby, and every promise kept', async (t) => {
  resetAfter(t)
  t.comment(`SEQUENCES_SEED=${SEED}`)
  let acknowledged = 0
  await assertAlways(fc.array(step, { minLength: 3, maxLength: 6 }), async (steps) => {
    await succeeds('replication', 'on')
    const seen: string[] = []
    try {
      const found = await judged(lab, async (vote) => {
        for (const step of steps) seen.push(step === 'vote' ? await vote() : (await carryOut(step)).said)
        return makeWhole()
      })
      assertKept(found)
      acknowledged += found.acknowledged
    } catch (error) {
      throw new Error(seen.join('\n'), { cause: error })
    } finally {
      t.comment(seen.join('; '))
    }
  })
  t.ok(acknowledged > 0, `${acknowledged} votes acknowledged in ${RUNS} sequences`)
})
