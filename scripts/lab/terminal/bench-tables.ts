import type { Comparison, Series } from '../bench/compare.ts'
import { type EnduranceFigures, faultsOf } from '../bench/endurance.ts'
import type { FailoverFigures } from '../bench/failover.ts'
import type { IdleFigures } from '../bench/idle.ts'
import type { FailoverRun } from '../bench/one-failover.ts'
import type { ServiceFigures } from '../bench/service.ts'
import type { StartupFigures } from '../bench/startup.ts'
import { machineLine } from '../docker/machine.ts'
import { median, quantile } from '../numbers.ts'
import { table } from './table.ts'

/** The result of an endurance run, in words and figures. */
export function enduranceTable(figures: EnduranceFigures): string {
  const { machine, options, kills, acknowledged, perSecond, longestGap, stored, lost, memory } = figures
  const faults = faultsOf(figures)
  return [
    machineLine(machine),
    `${options.callers} callers that retry with keys; ${options.seconds} s in which servers were killed ${kills} times, then ${options.calmSeconds} s without`,
    '',
    ...table([
      [
        'acknowledged',
        `${acknowledged} votes, ${perSecond.toFixed(0)} a second; longest gap ${longestGap.toFixed(0)} ms`,
      ],
      ['stored', `${stored}, of the acknowledged ${lost.length} lost`],
      ...memory.map(({ name, warm, end }) => [
        'memory',
        `${name}: ${warm.toFixed(0)} MiB, at the end ${end.toFixed(0)} MiB`,
      ]),
    ]),
    '',
    ...(faults.length === 0
      ? ['✓ no error, nothing lost, nothing counted twice']
      : faults.map((fault) => `✗ ${fault}`)),
  ].join('\n')
}

/** Milliseconds of processor time in a second of all nodes together: half of what they took once. */
const IDLE_TARGET = 20

/** The figures as a table: each node, all of them against their target, and the engine and everything else. */
export function idleTable({ machine, seconds, nodes, all, without }: IdleFigures): string {
  const ms = (it: number) => `${it.toFixed(1)} ms`
  const sum = Object.values(nodes).reduce((one, other) => one + other, 0)
  return [
    `${machineLine(machine)}; ${seconds} s, milliseconds of processor time in a second`,
    '',
    ...table(
      [
        ...Object.entries(nodes).map(([name, spent]) => [name, ms(spent), '']),
        ['all nodes', ms(sum), `≤ ${IDLE_TARGET} ms ${sum <= IDLE_TARGET ? 'met' : 'missed'}`],
        ['the engine for them, with its health checks', ms(all - without - sum), ''],
        ['this machine without a lab', ms(without), ''],
      ],
      [1],
    ),
  ].join('\n')
}

/** Targets of the lab on 2 processors: seconds, and how many times faster reset is than teardown and setup. */
const TARGETS = { setup: 4, reset: 2, ratio: 10 }

/** The figures as a table: median, least and greatest value of each, and whether the target is met. */
export function startupTable(figures: StartupFigures): string {
  const { machine, runs } = figures
  const ratio = figures.teardownAndSetupFromNothing / median(figures.reset)
  const row = (name: string, seconds: readonly number[], target?: number) => [
    name,
    `${median(seconds).toFixed(2)} s`,
    `${Math.min(...seconds).toFixed(2)}–${Math.max(...seconds).toFixed(2)}`,
    target === undefined ? '' : `≤ ${target} s ${median(seconds) <= target ? 'met' : 'missed'}`,
  ]
  return [
    `${machineLine(machine)}; ${runs} runs, in each all of these in turn`,
    '',
    ...table(
      [
        ['', 'median', 'range', 'target'],
        row('setup, images present, nothing running', figures.setup, TARGETS.setup),
        row('setup again, nothing to do', figures.setupAgain),
        row('reset', figures.reset, TARGETS.reset),
        row('teardown and setup, images present', figures.teardownAndSetup),
        row('teardown and setup from nothing, once', [figures.teardownAndSetupFromNothing]),
      ],
      [1, 2],
    ),
    '',
    `teardown and setup from nothing ÷ reset = ${ratio.toFixed(1)} (target ≥ ${TARGETS.ratio}: ${ratio >= TARGETS.ratio ? 'met' : 'missed'})`,
  ].join('\n')
}

/** The figures as a table: median, 95th percentile, greatest value and target, then the medians of the parts. */
export function failoverTable({
  machine,
  runs,
  failover,
  watchCrash,
  watchFreeze,
  watchIsolate,
  thawed,
}: FailoverFigures): string {
  const [head = '', ...rows] = table(
    [
      ['', 'median', 'p95', 'most', 'target'],
      failoverRow('failover after a crash, from the command', failover, { median: 1 }),
      failoverRow('--watch, from the command to kill', watchCrash, { median: 0.6, p95: 1 }),
      failoverRow('--watch, from the command to pause', watchFreeze, { median: 0.9, p95: 1.2 }),
      failoverRow('--watch, from the last vote before a cut', watchIsolate, { median: 2 }),
    ],
    [1, 2, 3],
  )
  const parts = [failover, watchCrash, watchFreeze, watchIsolate].map(partsOf)
  return [
    `${machineLine(machine)}; ${runs} runs of each, until a client's vote was acknowledged`,
    '',
    head,
    ...rows.flatMap((row, nth) => [row, `  ${parts[nth]}`]),
    '',
    `${thawed.attempts} votes sent directly to the frozen primary: it acknowledged ${thawed.acknowledged} after the failover, when it was thawed and started again, and ${thawed.beforeFence} while it was being fenced`,
  ].join('\n')
}

/** Seconds at most. */
type Most = { readonly median: number; readonly p95?: number }

function failoverRow(name: string, runs: readonly FailoverRun[], most: Most): string[] {
  const seconds = runs.map((run) => run.seconds)
  const seen = { median: median(seconds), p95: quantile(seconds, 0.95) }
  const told = (['median', 'p95'] as const).flatMap((it) => {
    const target = most[it]
    return target === undefined ? [] : [`${it} ≤ ${target} s ${seen[it] <= target ? 'met' : 'missed'}`]
  })
  return [name, ...[seen.median, seen.p95, Math.max(...seconds)].map((it) => `${it.toFixed(2)} s`), told.join(', ')]
}

const partsOf = (runs: readonly FailoverRun[]): string =>
  Object.keys(runs[0]?.parts ?? {})
    .map((part) => `${part} ${median(runs.map((run) => run.parts[part] ?? 0)).toFixed(2)}`)
    .join(', ')

/** The figures as tables: ratios and their targets, latencies at a fixed rate, and processor time. */
export function serviceTable(figures: ServiceFigures): string {
  const { machine, options, comparisons, openLoop, votes, errors } = figures
  return [
    `${machineLine(machine)}, PostgreSQL ${machine.postgres}, Nginx ${machine.nginx}`,
    `Ratios of rates, and of processor time. ${options.clients} load generators, ${options.rounds} rounds of ${options.seconds} s, votes ${options.keys ? 'with' : 'without'} keys; medians`,
    '',
    ...table([['', 'rate', 'against', 'ratio', 'of time', 'target'], ...comparisons.map(comparisonRow)], [1, 2, 3, 4]),
    '',
    `votes at a fixed rate of ${openLoop.perSecond} a second, from the time when each was due: ${latency(openLoop)}`,
    `all ${votes.acknowledged} acknowledged votes are stored and counted: ${votes.stored === votes.acknowledged && votes.counted === votes.acknowledged ? 'yes' : 'NO'}`,
    '',
    'Processor time in µs for each call, vote or row, by node; and how busy all processors were',
    ...timeTable(comparisons),
    ...errors.map((error) => `✗ ${error}`),
  ].join('\n')
}

function comparisonRow({ what, measured, against, ratio, ratioOfTime, target }: Comparison): string[] {
  const rate = ({ perSecond }: Series) => median(perSecond).toFixed(0)
  const verdict = target === null ? '' : `≥ ${target} ${ratio >= target ? 'met' : 'missed'}`
  return [what, rate(measured), rate(against), ratio.toFixed(2), ratioOfTime.toFixed(2), verdict]
}

const latency = ({ p50, p99, max }: ServiceFigures['openLoop']): string =>
  `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms`

function timeTable(comparisons: readonly Comparison[]): readonly string[] {
  const nodes = Object.keys(comparisons[0]?.measured.microseconds ?? {})
  const row = (name: string, { microseconds, busy }: Series) => [
    name,
    ...nodes.map((node) => (microseconds[node] ?? Number.NaN).toFixed(0)),
    `${(busy * 100).toFixed(0)} %`,
  ]
  const rows = comparisons.flatMap(({ what, measured, against }) => [
    row(what, measured),
    row(`  ${against.name}`, against),
  ])
  const head = ['', ...nodes, 'busy']
  return table([head, ...rows], head.map((_, column) => column).slice(1))
}
