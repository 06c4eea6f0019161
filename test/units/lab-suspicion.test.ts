import fc from 'fast-check'
import { test } from 'tap'
import { afterRound, type Belief, HEALTHY, type Round } from '../../scripts/lab/decide/suspicion.ts'

const limits = { failures: 3, gap: 1000 }
const good: Round = { at: 0, inside: undefined, elsewhere: undefined, writesRefused: false, busy: false }
const silent: Round = { ...good, inside: 'no answer', elsewhere: 'nor over the network' }
const cutOff: Round = { ...good, elsewhere: 'no answer', writesRefused: true }

/** What is believed after each of those rounds, a tenth of a second apart unless they say when. */
const beliefs = (rounds: readonly Round[]): Belief[] => {
  let belief = HEALTHY
  return rounds.map((round, nth) => {
    belief = afterRound(belief, { ...round, at: round.at || nth * 100 }, limits)
    return belief
  })
}
const verdicts = (...rounds: readonly Round[]) => beliefs(rounds).map(({ verdict }) => verdict)

test('three rounds in a row that fail make a dead primary, silent or cut off; one that succeeds forgets them', async (t) => {
  t.strictSame(verdicts(silent, silent, silent, silent), ['suspect', 'suspect', 'dead', 'dead'])
  t.strictSame(verdicts(cutOff, silent, cutOff), ['suspect', 'suspect', 'dead'])
  t.strictSame(verdicts(silent, silent, good, silent, silent), ['suspect', 'suspect', 'healthy', 'suspect', 'suspect'])
})

test('one vantage point alone is no failure', async (t) => {
  const onlyInside: Round = { ...silent, elsewhere: undefined }
  const linkToStandby: Round = { ...cutOff, writesRefused: false }
  t.strictSame(verdicts(onlyInside, onlyInside, onlyInside), ['healthy', 'healthy', 'healthy'])
  t.strictSame(verdicts(linkToStandby, linkToStandby, linkToStandby), ['healthy', 'healthy', 'healthy'])
})

test('a failure says what was seen, and since when', async (t) => {
  t.match(beliefs([silent, silent]).at(-1), {
    failures: 2,
    since: 0,
    last: 100,
    why: 'no answer; nor over the network',
  })
})

const aRound: fc.Arbitrary<Round> = fc.record({
  at: fc.constant(0),
  inside: fc.option(fc.constant('no answer inside'), { nil: undefined }),
  elsewhere: fc.option(fc.constant('no answer elsewhere'), { nil: undefined }),
  writesRefused: fc.boolean(),
  busy: fc.boolean(),
})
/** Rounds with times: most of them close together, some after a sleep. */
const someRounds = fc
  .array(
    fc.tuple(
      aRound,
      fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 1000 }) }, fc.integer({ min: 1001, max: 60_000 })),
    ),
  )
  .map((rounds) => {
    let at = 0
    return rounds.map(([round, pause]) => {
      at += pause
      return { ...round, at }
    })
  })

const fails = ({ inside, elsewhere, writesRefused, busy }: Round) =>
  !busy && elsewhere !== undefined && (inside !== undefined || writesRefused)

test('dead is exactly what has failed often enough in a row, without a success, a busy lab or a sleep in between', async (t) => {
  fc.assert(
    fc.property(someRounds, (rounds) => {
      for (const [nth, belief] of beliefs(rounds).entries()) {
        const last = rounds.slice(Math.max(0, nth + 1 - limits.failures), nth + 1)
        const awake = last.every((round, index) => index === 0 || round.at - (last[index - 1]?.at ?? 0) <= limits.gap)
        const dead = last.length === limits.failures && last.every(fails) && awake
        if ((belief.verdict === 'dead') !== dead) return false
      }
      return true
    }),
  )
  t.pass()
})

test('while another command changes the lab nothing is believed dead or suspect', async (t) => {
  fc.assert(
    fc.property(someRounds, (rounds) =>
      beliefs(rounds).every(({ verdict }, nth) => !rounds[nth]?.busy || verdict === 'healthy'),
    ),
  )
  t.pass()
})

test('nobody is dead who was not suspect before, and no sequence of rounds that all succeed makes one suspect', async (t) => {
  fc.assert(
    fc.property(someRounds, (rounds) => {
      const seen = beliefs(rounds)
      return seen.every(({ verdict }, nth) => verdict !== 'dead' || (seen[nth - 1] ?? HEALTHY).verdict !== 'healthy')
    }),
  )
  fc.assert(
    fc.property(someRounds, (rounds) =>
      beliefs(rounds.filter((round) => !fails(round))).every(({ verdict }) => verdict === 'healthy'),
    ),
  )
  t.pass()
})
