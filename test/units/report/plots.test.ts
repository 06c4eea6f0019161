import fc from 'fast-check'
import { test } from 'tap'
import { rtoBar } from '../../../scripts/lab/experiment/report/rto-bar.ts'
import { linear, logarithmic, roundStep } from '../../../scripts/lab/experiment/report/scale.ts'
import { cloud, widthOf } from '../../../scripts/lab/experiment/report/svg.ts'
import { closeUpOf, labelsOf, originOf, timeline, wholeOf } from '../../../scripts/lab/experiment/report/timeline.ts'
import { percent } from '../../../scripts/lab/experiment/report/units.ts'
import { sampleRun } from '../../report/sample.ts'

test('an axis has a few round numbers on it, and values where they belong', async (t) => {
  t.strictSame(linear([0, 10], [0, 100]).ticks, [0, 2, 4, 6, 8, 10])
  t.strictSame(linear([-5, 10], [0, 150], 8).ticks, [-4, -2, 0, 2, 4, 6, 8, 10])
  t.strictSame([0, 5, 10].map(linear([0, 10], [100, 0]).at), [100, 50, 0])
  t.strictSame(linear([3, 3], [0, 100]).at(3), 0, 'a single value')
  t.strictSame(logarithmic([3, 700], [300, 0]).ticks, [1, 10, 100, 1000])
  t.strictSame([1, 10, 100, 1000].map(logarithmic([3, 700], [300, 0]).at), [300, 200, 100, 0])
  t.strictSame([0.7, 1, 3, 20, 51].map(roundStep), [1, 1, 5, 20, 100])
})

test('the parts of the RTO are as long as their shares, and each is written with its milliseconds', async (t) => {
  const { run } = sampleRun({ seed: 1 })
  const parts = [
    { name: 'detection', ms: 1000 },
    { name: 'fencing', ms: 250 },
    { name: 'reconnection', ms: 3 },
  ] as const
  const bar = rtoBar({ ...run, judgement: { ...run.judgement, rto: 1253, parts: [...parts] } }).html
  const widths = [...bar.matchAll(/width:([\d.]+)%/g)].map(([, it]) => Number(it))
  t.strictSame(
    widths.map((it) => Math.round((it / 100) * 1253)),
    parts.map((it) => it.ms),
  )
  for (const { name, ms } of parts) t.match(bar, new RegExp(`${name}</dt><dd><b>${ms.toLocaleString('en')}\\sms`))
})

test('labels of events neither cover each other nor are crossed by the line of another', async (t) => {
  const { run } = sampleRun({ seed: 1 })
  const x = linear([0, run.length], [0, 1000])
  const event = fc.record({
    at: fc.nat(run.length),
    kind: fc.constant('healed' as const),
    node: fc.constant(null),
    what: fc.constant(''),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), (events) => {
      const labels = labelsOf({ ...run, events }, x, 0)
      return labels.every((one, index) =>
        labels.slice(index + 1).every((later) => {
          const covers = later.x < one.x + widthOf(one.text)
          // A line comes down from its label: later ones have to begin below.
          return !covers || (later.row ?? 0) > (one.row ?? 0)
        }),
      )
    }),
  )
  t.ok(labelsOf(run, x, originOf(run)).every((it) => it.row !== null && it.row < 8))
})

test('thousands of calls are drawn in little, and no failure or extreme is left out', async (t) => {
  const { run, calls } = sampleRun({ seed: 3 })
  const slowest = calls.findIndex((it) => it.outcome === 'ok' && it.end < 2000)
  const odd = calls.map((it, index) => (index === slowest ? { ...it, start: it.end - 90_000 } : it))
  const draw = (history: typeof calls) => timeline('t', 'Timeline', run, history, wholeOf(run, history)).html
  const drawn = draw(odd)
  t.match(drawn, '100 s</text>', 'the scale reaches the slowest')
  t.ok(drawn.length < 60_000, `${drawn.length} characters for ${calls.length} calls`)
  for (const outcome of ['definite', 'indefinite'] as const) {
    const failures = calls.filter((it) => it.outcome === outcome)
    t.ok(failures.length > 0)
    const alone = draw([...calls.filter((it) => it.outcome === 'ok'), ...failures.slice(0, 1)])
    t.match(alone, `<path class="mark ${outcome}" d="M`, 'one failure among thousands is drawn')
  }
  const refused = calls.map((it) => ({
    ...it,
    outcome: it.end % 2 < 1 ? ('definite' as const) : ('indefinite' as const),
  }))
  t.ok(draw(refused).length < 130_000, `${draw(refused).length} characters where all of them failed`)
  t.equal(
    cloud('ok', [
      [3, 3],
      [6, 3],
      [9, 3],
      [30, 3],
      [6.2, 3.1],
    ])?.html,
    '<path class="mark ok" d="M3 3h6M30 3h0"></path>',
  )
})

test('a close-up is shown if the outage is a small part of the run', async (t) => {
  const { run } = sampleRun({ seed: 1 })
  const closeUp = closeUpOf(run)
  const origin = originOf(run)
  t.ok(closeUp !== null && closeUp[0] < origin && closeUp[1] > origin + (run.judgement.rto ?? 0))
  t.equal(closeUpOf({ ...run, judgement: { ...run.judgement, rto: run.length / 2 } }), null)
  t.equal(closeUpOf({ ...run, judgement: { ...run.judgement, rto: null } }), null)
})

test('a share is shown as 100 % or 0 % only if it is exactly that', async (t) => {
  t.strictSame(
    [percent(9999, 10_000), percent(999_999, 1_000_000), percent(7, 7), percent(0, 7), percent(1, 1_000_000)].map(
      (it) => it.replaceAll('\u00a0', ' '),
    ),
    ['99.99 %', '99.99 %', '100 %', '0 %', '< 0.01 %'],
  )
})
