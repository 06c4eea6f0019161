// Random sequences with three standbys. Others, more, or one again as in promises/sequences: SEQUENCES_SEED, SEQUENCES_RUNS, SEQUENCES_PATH.
import fc from 'fast-check'
import tap, { test } from 'tap'
import { KINDS } from '../../scripts/lab/faults/kinds.ts'
import { lookAtDatabases } from '../../scripts/lab/postgres/sights.ts'
import { membersOf, seenOf } from '../../scripts/lab/rules/members.ts'
import type { Command } from '../promises/sequence.ts'
import { lab, patience, resetAfter } from '../standbys/three.ts'

// It reads the number of standbys when it is loaded.
const { assertAlways, assertKept, carryOut, interruptedAfter, judged, makeWhole, RUNS, SEED, status, succeeds } =
  await import('../promises/sequence.ts')

/** Seconds for one sequence, and for what else this file does. */
const MOST_SECONDS = 240
tap.setTimeout(MOST_SECONDS * (2 * RUNS + 1) * 1000 * patience)

const NAMES = lab.databases.map(({ name }) => name)
const database = fc.constantFrom(...NAMES)
const command = (verb: string, ...args: readonly string[]): Command => ({ verb, args })
/** Of one database, or of all. */
const healing = (node: string | undefined) => command('fault', 'heal', ...(node === undefined ? [] : [node]))

/** What matters most here, on one of the databases or on two: with two of them gone, not everything is known of the third. */
const gone = fc
  .record({
    kind: fc.constantFrom('crash', 'freeze', 'isolate'),
    nodes: fc.uniqueArray(database, { minLength: 1, maxLength: 2 }),
  })
  .map(({ kind, nodes }) => nodes.map((node) => command('fault', kind, node)))
const other = fc
  .record({ kind: fc.constantFrom(...KINDS.map(({ name }) => name)), node: database })
  .map(({ kind, node }) => [command('fault', kind, node)])
const link = fc
  .uniqueArray(database, { minLength: 2, maxLength: 2 })
  .map((ends) => [command('fault', 'isolate', ...ends)])
const recovery = fc
  .record({
    words: fc.oneof(
      fc.constantFrom(['failover'], ['failover'], ['switchover'], ['rejoin']),
      database.map((name) => ['failover', '--to', name]),
      database.map((name) => ['switchover', name]),
    ),
    interruptedAfter,
  })
  .map(({ words: [verb = '', ...args], interruptedAfter }) => [{ verb, args, interruptedAfter }])
const heal = fc.option(database, { freq: 3, nil: undefined }).map((node) => [healing(node)])

/** Commands that belong together, or a vote that is waited for. */
const step: fc.Arbitrary<readonly Command[] | 'vote'> = fc.oneof(
  { weight: 4, arbitrary: gone },
  { weight: 1, arbitrary: other },
  { weight: 2, arbitrary: link },
  { weight: 7, arbitrary: recovery },
  { weight: 2, arbitrary: heal },
  { weight: 2, arbitrary: fc.constant('vote' as const) },
)

const sequence = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 6 }),
  /** Whose faults are healed, one after the other, when a failover refuses: then it is tried again. */
  broughtBack: fc.shuffledSubarray(NAMES, { minLength: NAMES.length }),
  /** Which of the three standbys comes first, at a rule that has a first one. */
  first: fc.nat({ max: NAMES.length - 2 }),
})

async function assertAtMostOnePrimary(): Promise<void> {
  const sights = await lookAtDatabases(lab)
  if (membersOf(sights).rivals.length > 0) throw new Error(`two primaries: ${seenOf(sights)}`)
}

/** Carries out a command. If it is a failover that refuses, somebody is brought back, and it is tried once more. */
async function persist(it: Command, broughtBack: () => string | undefined): Promise<readonly string[]> {
  const { said, refused } = await carryOut(it)
  if (!refused || it.verb !== 'failover') return [said]
  const back = await carryOut(healing(broughtBack()))
  return [said, back.said, (await carryOut(command('failover'))).said]
}

const RULES: Readonly<Record<string, (first: string) => readonly string[]>> = {
  'ANY 1': () => ['--quorum', '1'],
  'FIRST 1': (first) => ['--first', first],
}

for (const [rule, options] of Object.entries(RULES))
  test(`at ${rule} any sequence of faults, failovers, switchovers, rejoins and heals keeps every acknowledged vote, has at most one primary, and ends with three standbys that stream`, async (t) => {
    resetAfter(t)
    t.comment(`SEQUENCES_SEED=${SEED} at ${rule}`)
    let acknowledged = 0
    await assertAlways(sequence, async ({ steps, broughtBack, first }) => {
      const { primaries } = await status()
      const standbys = NAMES.filter((name) => !primaries.includes(name))
      await succeeds('replication', 'on', ...options(standbys[first] ?? ''))
      const seen: string[] = []
      const back = broughtBack.values()
      try {
        const found = await judged(lab, async (vote) => {
          for (const it of steps.flat()) {
            seen.push(...(it === 'vote' ? [await vote()] : await persist(it, () => back.next().value)))
            await assertAtMostOnePrimary()
          }
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

test('the judge is not blind: if a standby that is behind is promoted by force, it finds the votes that are lost', async (t) => {
  resetAfter(t)
  await succeeds('replication', 'on', '--quorum', '1')
  const { acknowledged, broken } = await judged(lab, async (vote) => {
    await succeeds('fault', 'isolate', 'db-replica', 'db-primary')
    t.equal(await vote(), 'a vote is acknowledged', 'by others than the one that is cut off')
    for (const node of ['db-primary', 'db-replica-2', 'db-replica-3']) await succeeds('fault', 'crash', node)
    await succeeds('failover', '--to', 'db-replica', '--force')
    return makeWhole()
  })
  t.ok(broken.lost.length > 0, `${broken.lost.length} of ${acknowledged} acknowledged votes are lost`)
  t.strictSame(
    { ...broken, lost: [] },
    { lost: [], duplicates: [], phantoms: [], uncounted: [], staleReads: [], unread: [] },
  )
  t.throws(() => assertKept({ acknowledged, broken }), /"lost": \[\n/)
})
