import fc from 'fast-check'
import { test } from 'tap'
import {
  Call,
  Event,
  type Experiment,
  Experiment as ExperimentSchema,
  type Judgement,
  LEVELS,
  RECOVERIES,
  type Run,
  type Sample,
} from '../../../scripts/lab/experiment/record.ts'
import { reportPage } from '../../../scripts/lab/experiment/report/page.ts'
import { MANAGER_NAMES } from '../../../scripts/lab/topology/topology.ts'
import { parsed } from '../../report/parsed.ts'

const SLIPS = /NaN|undefined|Infinity|\[object|\bnull\b/
const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((it) => !SLIPS.test(it))
const number = fc.double({ min: -1e7, max: 1e7, noNaN: true })
const whole = fc.nat({ max: 1_000_000 })
const orNull = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null })
const node = fc.constantFrom(...Event.shape.node.unwrap().options)
const verdict = fc.constantFrom('pass' as const, 'fail' as const, 'unknown' as const)
const lsn = fc.oneof(
  text,
  fc.tuple(fc.nat(0xffff), fc.nat()).map((it) => it.map((half) => half.toString(16)).join('/')),
)

const call: fc.Arbitrary<Call> = fc.record({
  kind: fc.constantFrom(...Call.shape.kind.options),
  client: number,
  poll: text,
  start: number,
  end: number,
  outcome: fc.constantFrom(...Call.shape.outcome.options),
  answer: text,
  server: orNull(node),
  user: orNull(text),
  option: orNull(text),
  token: orNull(text),
  expected: orNull(number),
  seen: orNull(number),
})
const sample: fc.Arbitrary<Sample> = fc.record({
  at: number,
  databases: fc.array(
    fc.record({
      name: fc.constantFrom('db-primary' as const, 'db-replica' as const),
      role: orNull(fc.constantFrom('primary' as const, 'standby' as const)),
      timeline: orNull(number),
      lsn: orNull(lsn),
      receivedLsn: orNull(lsn),
    }),
    { maxLength: 3 },
  ),
})
const availability = fc.record({
  calls: whole,
  ok: whole,
  definite: whole,
  indefinite: whole,
  longestGap: orNull(fc.record({ from: number, to: number })),
})
const judgement: fc.Arbitrary<Judgement> = fc.record({
  verdict,
  pace: orNull(fc.record({ perSecond: number, median: number, p99: number })),
  reasons: fc.array(text),
  rto: orNull(number),
  parts: fc.array(
    fc.record({
      name: fc.constantFrom(
        ...([
          'detection',
          'check',
          'fencing',
          'promotion',
          'reconnection',
        ] as const satisfies Judgement['parts'][number]['name'][]),
      ),
      ms: number,
    }),
  ),
  acknowledged: number,
  stored: number,
  lost: fc.array(fc.record({ poll: text, user: text, option: text, at: number })),
  walLost: orNull(number),
  splitBrain: number,
  duplicates: fc.array(text),
  phantoms: fc.array(text),
  staleReads: fc.array(fc.record({ client: number, at: number, expected: number, seen: number })),
  historyLost: number,
  writes: availability,
  reads: availability,
})
const run: fc.Arbitrary<Run> = fc.record({
  name: text,
  at: text,
  plan: fc.record({
    manager: fc.constantFrom(...MANAGER_NAMES),
    lease: fc.option(fc.record({ ttl: number, loop_wait: number, retry_timeout: number }), { nil: undefined }),
    fault: text,
    node,
    recovery: fc.constantFrom(...RECOVERIES),
    level: fc.constantFrom(...LEVELS),
    voters: number,
    readers: number,
    before: number,
    after: number,
    lag: number,
  }),
  length: number,
  events: fc.array(
    fc.record({ at: number, kind: fc.constantFrom(...Event.shape.kind.options), node: orNull(node), what: text }),
    { maxLength: 20 },
  ),
  samples: fc.array(sample, { maxLength: 20 }),
  judgement,
})
const experiment: fc.Arbitrary<Experiment> = fc.record({
  at: text,
  machine: fc.record({ processors: number, model: text, memoryGiB: number, kernel: text, engine: text, node: text }),
  postgres: number,
  verdict,
  runs: fc.array(run, { maxLength: 3 }),
})

test('whatever was recorded, the report is a well-formed page without a slip', async (t) => {
  const recorded = experiment.chain((it) =>
    fc.tuple(
      fc.constant(it),
      fc.array(fc.array(call, { maxLength: 60 }), { minLength: it.runs.length, maxLength: it.runs.length }),
    ),
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(recorded, ([it, histories]) => {
        ExperimentSchema.parse(it)
        const calls = new Map(it.runs.map((one, index) => [one.name, histories[index] ?? []]))
        const page = reportPage(it, calls)
        const { problems } = parsed(page)
        if (problems.length > 0) throw new Error(problems.join('\n'))
        const slip = SLIPS.exec(page)
        if (slip !== null) throw new Error(`…${page.slice(Math.max(0, slip.index - 80), slip.index + 40)}…`)
      }),
      { numRuns: 300 },
    ),
  )
})
