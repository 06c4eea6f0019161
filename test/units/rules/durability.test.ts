import fc from 'fast-check'
import { test } from 'tap'
import {
  type Choice,
  choiceIn,
  choiceText,
  commitsHang,
  enoughToKnow,
  fewer,
  inForceText,
  LEVELS,
  type Level,
  levelText,
  mustBeHeard,
  optionsFor,
  type Rule,
  ruleText,
  synchronousNames,
} from '../../../scripts/lab/rules/durability.ts'
import { ALONE } from './facts.ts'

const STANDBYS = ['a', 'b', 'c']
const on = (rule: Rule): Choice => ({ level: 'on', rule })

test('each choice has its value of synchronous_standby_names', async (t) => {
  const cases: readonly (readonly [Choice, readonly string[], string])[] = [
    [{ level: 'async', rule: { kind: 'any', count: 2 } }, STANDBYS, ''],
    [on({ kind: 'first', node: null }), ['a'], '"a"'],
    [on({ kind: 'first', node: null }), STANDBYS, 'FIRST 1 ("a", "b", "c")'],
    [on({ kind: 'first', node: 'c' }), STANDBYS, 'FIRST 1 ("c", "a", "b")'],
    // The node may be the primary now.
    [on({ kind: 'first', node: 'd' }), STANDBYS, 'FIRST 1 ("a", "b", "c")'],
    [on({ kind: 'any', count: 2 }), STANDBYS, 'ANY 2 ("a", "b", "c")'],
    [on({ kind: 'any', count: 1 }), ['a'], 'ANY 1 ("a")'],
  ]
  for (const [choice, standbys, names] of cases) t.equal(synchronousNames(choice, standbys), names, choiceText(choice))
})

const rule: fc.Arbitrary<Rule> = fc.oneof(
  fc.record({ kind: fc.constant('any' as const), count: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('first' as const), node: fc.constantFrom(null, 'db-primary', 'db-replica-2') }),
)
const level = fc.constantFrom(...(Object.keys(LEVELS) as Level[]))

test('a choice is read as it was kept; other words are async', async (t) => {
  fc.assert(
    fc.property(fc.record({ level, rule }), (choice) => {
      t.same(choiceIn(choiceText(choice)), choice)
    }),
  )
  for (const text of [null, '', 'On', 'any 1', 'quorum 1 on']) t.equal(choiceIn(text).level, 'async', `${text}`)
  for (const text of ['on any 0', 'on any', 'on first', 'on other']) t.strictSame(choiceIn(text), choiceIn('on'), text)
})

test('so many must be heard that one of them has every commit that any `count` standbys have', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), (standbys, count) => {
      if (count > standbys) return
      const heard = mustBeHeard(on({ kind: 'any', count }), standbys)
      // The worst case: all that have the commit are silent, as far as there are silent ones.
      t.ok(standbys - heard < count, `${heard} of ${standbys} at ANY ${count}`)
      t.notOk(standbys - (heard - 1) < count, 'one fewer is not enough')
    }),
  )
  t.equal(mustBeHeard(on({ kind: 'first', node: null }), 3), 0)
  t.equal(enoughToKnow(on({ kind: 'first', node: null }), 3), 3, 'the first may have been away when a commit returned')
  t.equal(enoughToKnow(on({ kind: 'first', node: null }), 1), 1)
  t.equal(enoughToKnow({ level: 'async', rule: { kind: 'any', count: 2 } }, 3), 0)
  t.equal(enoughToKnow(on({ kind: 'any', count: 3 }), 1), 1, 'some were direct when the commit returned')
})

test('commits hang if fewer standbys are there than they wait for', async (t) => {
  const hangs = (names: string, ...syncs: readonly string[]) =>
    commitsHang({
      ...ALONE,
      synchronousStandbys: names,
      standbys: syncs.map((sync, index) => ({ name: `${index}`, state: 'streaming', sync, replayLagSeconds: null })),
    })
  t.equal(hangs('', 'async'), false)
  t.equal(hangs('"a"', 'async'), true)
  t.equal(hangs('FIRST 1 ("a", "b")', 'sync', 'potential'), false)
  t.equal(hangs('ANY 2 ("a", "b", "c")', 'quorum'), true)
  t.equal(hangs('ANY 2 ("a", "b", "c")', 'quorum', 'quorum'), false)
})

test('a rule is told for the standbys that commits can wait for: the primary is none of them', async (t) => {
  t.match(ruleText(on({ kind: 'first', node: 'c' }), STANDBYS), /the first of c, a, b that is there/)
  t.match(ruleText(on({ kind: 'first', node: 'd' }), STANDBYS), /the first of a, b, c that is there/)
  t.match(ruleText(on({ kind: 'first', node: 'a' }), STANDBYS), /all 3 have to answer, unless .* nothing is missing$/)
  t.match(
    ruleText(on({ kind: 'any', count: 2 }), STANDBYS),
    /any 2 of 3 .* before a failover, 2 of the 3 have to answer/,
  )
  t.match(ruleText(on({ kind: 'any', count: 2 }), ['a', 'b']), /, 1 of the 2 has to answer$/)
  t.equal(ruleText(on({ kind: 'any', count: 1 }), ['a']), '')
  t.equal(ruleText({ level: 'async', rule: { kind: 'any', count: 2 } }, STANDBYS), '')
})

test('if too few standbys stream, a smaller quorum lets commits return, as long as one streams', async (t) => {
  const three = on({ kind: 'any', count: 3 })
  const offered = [0, 1, 2, 3].map((streaming) => fewer(three, streaming)).map((it) => it && optionsFor(it))
  t.strictSame(offered, [undefined, 'on --quorum 1', 'on --quorum 2', undefined])
  t.equal(fewer(on({ kind: 'first', node: 'a' }), 0), undefined)
})

test('what a level survives is told for the standbys that it waits for, and not for all that there are', async (t) => {
  const order: Rule = { kind: 'first', node: null }
  const any = (count: number): Rule => ({ kind: 'any', count })
  const cases: readonly (readonly [Level, Rule, number, RegExp, RegExp, RegExp])[] = [
    ['async', order, 3, /own disk$/, /comes back$/, /the promoted standby has not received/],
    ['remote_write', order, 1, /of the standby's machine$/, /any one machine, /, /that standby has not written/],
    ['remote_write', any(2), 3, /systems of any 2 standbys$/, /any 2 machines, /, /those standbys have not written/],
    ['on', order, 1, /also the standby's disk$/, /any one machine, /, /as long as one disk is left$/],
    [
      'on',
      order,
      3,
      /also one standby's disk$/,
      /any one machine, /,
      /primary's disk is left, or one that it waited for$/,
    ],
    [
      'on',
      any(1),
      3,
      /also one standby's disk$/,
      /any one machine, /,
      /primary's disk is left, or one that it waited for$/,
    ],
    ['on', any(2), 3, /also the disks of any 2 standbys$/, /any 2 machines, /, /, or one that it waited for$/],
    ['on', any(3), 3, /also the disks of all 3 standbys$/, /any 3 machines, /, /as long as one disk is left$/],
    // One of the two follows the other.
    ['on', any(1), 2, /also one standby's disk$/, /any one machine, /, /, or one that it waited for$/],
    ['remote_apply', order, 1, /reads there show the write$/, /on the standby sees every/, /one disk is left$/],
    ['remote_apply', any(3), 3, /reads there show the write$/, /on any standby sees every/, /one disk is left$/],
    [
      'remote_apply',
      any(1),
      3,
      /reads there show the write$/,
      /did not wait for may lack/,
      /, or one that it waited for$/,
    ],
  ]
  for (const [level, rule, standbys, waitsFor, survives, loses] of cases)
    t.match(levelText({ level, rule }, standbys), { waitsFor, survives, loses }, `${level} ${JSON.stringify(rule)}`)
})

test('what is in force is told without a rule at async, and with what rejoin restores', async (t) => {
  const inForce = (chosenLevel: string | null, synchronousStandbys: string, synchronousCommit = 'on') =>
    inForceText({ ...ALONE, chosenLevel, synchronousStandbys, synchronousCommit })
  t.equal(inForce('on any 1', ''), 'async, until rejoin restores on any 1')
  t.equal(inForce('on any 1', 'ANY 1 (…)'), 'on any 1')
  t.equal(inForce(null, ''), 'async')
  t.equal(inForce('async', ''), 'async')
  t.equal(inForce('on', '', 'off'), null)
})
