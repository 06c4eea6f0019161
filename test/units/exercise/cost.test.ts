import { test } from 'tap'
import { type Comparison, comparisonsOf, isSlowdown, slowdown } from '../../../exercises/09-no-vote-may-be-lost/cost.ts'
import type { Experiment, Plan } from '../../../scripts/lab/experiment/record.ts'

type Sketch = Partial<Plan> & { readonly median: number | null; readonly lost?: number; readonly length?: number }

/** Experiments as far as the exercise looks at them; the newest first, as they are read. */
const experiment = (...runs: readonly Sketch[]): Experiment =>
  ({
    runs: runs.map(({ median, lost = 0, length = 1, ...plan }) => ({
      length,
      plan: { fault: 'crash', recovery: 'failover', level: 'async', lag: 1, ...plan },
      judgement: { lost: Array(lost), pace: median === null ? null : { median } },
    })),
  }) as unknown as Experiment

const ratios = (level: string, ...experiments: readonly Experiment[]) => comparisonsOf(experiments, level).map(slowdown)

test('a level is judged by the medians that the table shows, over all runs of the same circumstances', async (t) => {
  const rounds = [10, 10, 30].flatMap((median, nth) => [
    { median, lost: nth },
    { level: 'on', median: [14, 12, 12][nth] ?? 0 } as const,
  ])
  t.strictSame(ratios('on', experiment(...rounds)), [1.2], 'not by the first run of each')
  t.match(comparisonsOf([experiment(...rounds)], 'on'), [{ lostAtAsync: 3, lostAtLevel: 0 }])
  const faults = experiment(
    { median: 10 },
    { fault: 'freeze', median: 20 },
    { level: 'on', median: 20 },
    { fault: 'freeze', level: 'on', median: 30 },
  )
  t.strictSame(ratios('on', faults), [2, 1.5], 'a row against a row of the same fault')
})

test('experiments that cannot be compared are no comparison', async (t) => {
  const on = { level: 'on', median: 20 } as const
  for (const [why, it] of Object.entries({
    'async alone': experiment({ median: 10 }),
    'another level': experiment({ median: 10 }, { level: 'remote_apply', median: 20 }),
    'no lag': experiment({ median: 10, lag: 0 }, { ...on, lag: 0 }),
    'lag at one level only': experiment({ median: 10, lag: 0 }, on),
    'a run that was not carried out': experiment({ median: 10, length: 0 }, on),
    'no votes before the fault': experiment({ median: null }, on),
    'a wide link here, a narrow one there': experiment({ median: 10, slow: 100 }, on),
  }))
    t.strictSame(comparisonsOf([it], 'on'), [], why)
  t.strictSame(comparisonsOf([], 'on'), [])
})

test('the newest experiment that compares counts, and no older one', async (t) => {
  const older = experiment({ median: 10 }, { level: 'on', median: 50 })
  const newer = experiment({ median: 10 }, { level: 'on', median: 20 })
  t.strictSame(ratios('on', experiment({ median: 1 }), newer, older), [2])
})

test('only the answer that the table shows is right', async (t) => {
  const cases: readonly (readonly [Pick<Comparison, 'async' | 'level'>, readonly number[], readonly number[]])[] = [
    [{ async: 10, level: 12 }, [1.2, 1.1, 1.3], [1.4, 1, 12]],
    [{ async: 10, level: 75 }, [7.5, 7, 8.2], [6.5, 8.4, 0.13]],
    // The table shows 0.3 and 0.5.
    [{ async: 0.34, level: 0.46 }, [1.4, 1.7], [1.1, 2]],
    [{ async: 10, level: 10.4 }, [1, 1.04, 1.1], [0.9, 1.2]],
    [{ async: 10, level: 9 }, [], [0.9, 1, 1.1]],
  ]
  for (const [{ async, level }, right, wrong] of cases) {
    const it = { async, level, lostAtAsync: 1, lostAtLevel: 0 }
    for (const said of right) t.ok(isSlowdown(said, it), `${level}/${async}: ${said}`)
    for (const said of wrong) t.notOk(isSlowdown(said, it), `${level}/${async}: not ${said}`)
  }
})
