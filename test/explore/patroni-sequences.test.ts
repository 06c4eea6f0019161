// Random sequences under Patroni. Others, more, or one again as in promises/sequences: SEQUENCES_SEED, SEQUENCES_RUNS, SEQUENCES_PATH.
import fc from 'fast-check'
import tap, { test } from 'tap'
import { lab, patience, resetAfter } from '../patroni/patroni.ts'
import type { Command } from '../promises/sequence.ts'

// It reads the manager when it is loaded.
const { assertAlways, assertKept, carryOut, judged, makeWhole, RUNS, SEED, succeeds } = await import(
  '../promises/sequence.ts'
)

/** Seconds for one sequence: most of its failovers wait for a lease. */
const MOST_SECONDS = 400
tap.setTimeout(MOST_SECONDS * (2 * RUNS + 1) * 1000 * patience)

const database = fc.constantFrom(...lab.databases.map(({ name }) => name))
const STORES = lab.stores.map(({ name }) => name)
const store = fc.constantFrom(...STORES)
const command = (verb: string, ...args: readonly string[]): readonly Command[] => [{ verb, args }]

const gone = fc
  .record({ kind: fc.constantFrom('crash', 'stop', 'freeze', 'isolate'), node: database })
  .map(({ kind, node }) => command('fault', kind, node))
/** What is Patroni's own: the stores are gone or slow, a database does not reach them, a pause, other settings. */
const own = fc.oneof(
  fc
    .record({ kind: fc.constantFrom('crash', 'freeze', 'isolate'), node: store })
    .map(({ kind, node }) => command('fault', kind, node)),
  database.map((node) => command('fault', 'isolate', node, ...STORES)),
  fc.constant(STORES.slice(1).flatMap((node) => command('fault', 'crash', node))),
  fc.constant(STORES.flatMap((node) => command('fault', 'slow', node, '--rate', '64'))),
  fc.constantFrom('pause', 'resume').map((what) => command('manager', what)),
  fc.boolean().map((on) => command('manager', 'set', `failsafe_mode=${on}`)),
)
/** PostgreSQL runs on without it. */
const killed = database.map((node) => command('fault', 'patroni', node, '--how', 'kill'))
const recovery = fc.constantFrom('failover', 'failover', 'switchover', 'rejoin').map((verb) => command(verb))

/** Commands that belong together, or a vote that is waited for. */
const stepWith = (faults: fc.Arbitrary<readonly Command[]>): fc.Arbitrary<readonly Command[] | 'vote'> =>
  fc.oneof(
    { weight: 6, arbitrary: faults },
    { weight: 6, arbitrary: recovery },
    { weight: 1, arbitrary: fc.constant(command('fault', 'heal')) },
    { weight: 2, arbitrary: fc.constant('vote' as const) },
  )

/** Somebody who knows only the verbs; a pause would keep Patroni from mending anything. */
async function makeWholeAgain() {
  await carryOut({ verb: 'fault', args: ['heal'] })
  await carryOut({ verb: 'rejoin', args: [] })
  await carryOut({ verb: 'manager', args: ['resume'] })
  return makeWhole()
}

/**
 * At a quorum a primary without its Patroni may still have a standby that follows it when another one has been promoted, and
 * acknowledges votes with that one. When one named standby counts, it cannot: that one is the new primary.
 */
const RULES = {
  'ANY 1': { options: ['--quorum', '1'], faults: fc.oneof(gone, own) },
  'FIRST 1': { options: [], faults: fc.oneof(gone, own, killed) },
} as const

for (const [rule, { options, faults }] of Object.entries(RULES))
  test(`at ${rule} Patroni keeps every acknowledged vote through any sequence of faults, its own among them, and ends with one primary and two standbys that stream`, async (t) => {
    resetAfter(t)
    t.comment(`SEQUENCES_SEED=${SEED} at ${rule}`)
    let acknowledged = 0
    await assertAlways(fc.array(stepWith(faults), { minLength: 2, maxLength: 5 }), async (steps) => {
      await succeeds('manager', 'set', 'failsafe_mode=false')
      await succeeds('replication', 'on', ...options)
      const seen: string[] = []
      try {
        const found = await judged(lab, async (vote) => {
          for (const it of steps.flat()) seen.push(it === 'vote' ? await vote() : (await carryOut(it)).said)
          return makeWholeAgain()
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
