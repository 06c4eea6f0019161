import fc from 'fast-check'
import { test } from 'tap'
import { afterRound, type Belief, HEALTHY, type Round } from '../../../scripts/lab/rules/suspicion.ts'

const limits = { failures: 3, gap: 1000, returning: 2000 }
const good: Round = {
  at: 0,
  down: undefined,
  returning: false,
  inside: undefined,
  across: undefined,
  writesRefused: false,
  busy: false,
}
const unheard: Round = { ...good, inside: 'no answer', across: 'none over the network' }
const down: Round = { ...unheard, down: 'its container is paused' }
const silent: Round = { ...unheard, writesRefused: true }
const cutOff: Round = { ...good, across: 'none over the network', writesRefused: true }

/** What is believed after each of those rounds, a tenth of a second apart unless they say when. */
const beliefs = (rounds: readonly Round[]): Belief[] => {
  let belief = HEALTHY
  return rounds.map((round, nth) => {
    belief = afterRound(belief, { ...round, at: round.at || nth * 100 }, limits)
    return belief
  })
}
const verdicts = (...rounds: readonly Round[]) => beliefs(rounds).map(({ verdict }) => verdict)

test('three rounds in a row that fail make a dead primary: down, silent or cut off; one that succeeds forgets them', async (t) => {
  for (const failing of [down, silent, cutOff])
    t.strictSame(verdicts(failing, failing, failing, failing), ['suspect', 'suspect', 'dead', 'dead'])
  t.strictSame(verdicts(cutOff, silent, down), ['suspect', 'suspect', 'dead'])
  t.strictSame(verdicts(down, down, good, down, down), ['suspect', 'suspect', 'healthy', 'suspect', 'suspect'])
})

test('if nothing was heard over the network for two rounds, and then the servers cannot write either, it is dead at once', async (t) => {
  t.strictSame(verdicts(unheard, unheard, cutOff), ['healthy', 'healthy', 'dead'])
  t.strictSame(verdicts(unheard, good, cutOff), ['healthy', 'healthy', 'suspect'])
  t.strictSame(
    verdicts(unheard, unheard, down),
    ['healthy', 'healthy', 'suspect'],
    'what is down is looked at three times',
  )
})

test('a primary that the engine starts again is waited for, but not for long, and only if it was well before', async (t) => {
  const returning = { ...down, returning: true }
  const at = (round: Round, milliseconds: number) => ({ ...round, at: milliseconds })
  const back = [at(good, 100), at(down, 200), ...[300, 400, 500, 600].map((it) => at(returning, it)), at(good, 700)]
  t.strictSame(verdicts(...back), ['healthy', 'suspect', 'healthy', 'healthy', 'healthy', 'healthy', 'healthy'])
  const late = [at(good, 100), ...[1000, 2000, 2200, 2300, 2400].map((it) => at(returning, it))]
  t.strictSame(verdicts(...late), ['healthy', 'healthy', 'healthy', 'suspect', 'suspect', 'dead'])
  t.strictSame(verdicts(returning, returning, returning), ['suspect', 'suspect', 'dead'])
})

test('no answer alone is no failure, from wherever, as long as the container runs and servers can write', async (t) => {
  const onlyInside: Round = { ...unheard, across: undefined }
  const linkToStandby: Round = { ...unheard, inside: undefined }
  for (const round of [unheard, onlyInside, linkToStandby])
    t.strictSame(verdicts(round, round, round), ['healthy', 'healthy', 'healthy'])
})

test('a failure says what was seen, and since when', async (t) => {
  t.match(beliefs([silent, silent]).at(-1), {
    failures: 2,
    since: 0,
    last: 100,
    why: 'no answer; none over the network; and the servers cannot write',
  })
})

const aRound: fc.Arbitrary<Round> = fc.record({
  at: fc.constant(0),
  down: fc.option(fc.constant('its container is exited'), { nil: undefined }),
  returning: fc.constant(false),
  inside: fc.option(fc.constant('no answer inside'), { nil: undefined }),
  across: fc.option(fc.constant('no answer over the network'), { nil: undefined }),
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

const fails = ({ down, across, writesRefused, busy }: Round) =>
  !busy && (down !== undefined || (across !== undefined && writesRefused))

test('dead is exactly what has failed often enough in a row, or was cut off so often, without a busy lab or a sleep in between', async (t) => {
  fc.assert(
    fc.property(someRounds, (rounds) => {
      for (const [nth, belief] of beliefs(rounds).entries()) {
        const last = rounds.slice(Math.max(0, nth + 1 - limits.failures), nth + 1)
        const round = last.at(-1)
        if (round === undefined) return false
        const awake = last.every((it, index) => index === 0 || it.at - (last[index - 1]?.at ?? 0) <= limits.gap)
        const unheardOf = last.every(({ across, busy }) => across !== undefined && !busy)
        const isCut = fails(round) && round.down === undefined && unheardOf
        const dead = last.length === limits.failures && (last.every(fails) || isCut) && awake
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

test('a primary is suspect before it is dead, unless it was not heard before; rounds that all succeed never make it suspect', async (t) => {
  fc.assert(
    fc.property(someRounds, (rounds) => {
      const seen = beliefs(rounds)
      const before = (nth: number) => seen[nth - 1] ?? HEALTHY
      return seen.every(
        ({ verdict }, nth) => verdict !== 'dead' || before(nth).verdict !== 'healthy' || before(nth).unheard > 0,
      )
    }),
  )
  fc.assert(
    fc.property(someRounds, (rounds) =>
      beliefs(rounds.filter((round) => !fails(round))).every(({ verdict }) => verdict === 'healthy'),
    ),
  )
  t.pass()
})
