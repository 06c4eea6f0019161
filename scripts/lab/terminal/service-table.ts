import type { Comparison, Series } from '../bench/compare.ts'
import type { ServiceFigures } from '../bench/service.ts'
import { machineLine } from '../docker/machine.ts'
import { median } from '../statistics.ts'

/** The figures as tables: ratios and their targets, latencies at a fixed rate, and processor time. */
export function serviceTable(figures: ServiceFigures): string {
  const { machine, options, comparisons, openLoop, votes, errors } = figures
  return [
    `${machineLine(machine)}, PostgreSQL ${machine.postgres}, Nginx ${machine.nginx}`,
    `Ratios of rates, and of processor time. ${options.clients} load generators, ${options.rounds} rounds of ${options.seconds} s, votes ${options.keys ? 'with' : 'without'} keys; medians`,
    '',
    `${''.padEnd(NAME)}  ${'rate'.padStart(9)}  ${'against'.padStart(9)}  ${'ratio'.padStart(6)}  ${'of time'.padStart(7)}  target`,
    ...comparisons.map(comparisonRow),
    '',
    `votes at a fixed rate of ${openLoop.perSecond} a second, from the time when each was due: ${latency(openLoop)}`,
    `all ${votes.acknowledged} acknowledged votes are stored and counted: ${votes.stored === votes.acknowledged && votes.counted === votes.acknowledged ? 'yes' : 'NO'}`,
    '',
    'Processor time in µs for each call, vote or row, by node; and how busy all processors were',
    ...timeTable(comparisons),
    ...errors.map((error) => `✗ ${error}`),
  ].join('\n')
}

const NAME = 56

function comparisonRow({ what, measured, against, ratio, ratioOfTime, target }: Comparison): string {
  const rate = ({ perSecond }: Series) => median(perSecond).toFixed(0).padStart(9)
  const verdict = target === null ? '' : `≥ ${target} ${ratio >= target ? 'met' : 'missed'}`
  return [
    what.padEnd(NAME),
    rate(measured),
    rate(against),
    ratio.toFixed(2).padStart(6),
    ratioOfTime.toFixed(2).padStart(7),
    verdict,
  ]
    .join('  ')
    .trimEnd()
}

const latency = ({ p50, p99, max }: ServiceFigures['openLoop']): string =>
  `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms`

function timeTable(comparisons: readonly Comparison[]): readonly string[] {
  const nodes = Object.keys(comparisons[0]?.measured.microseconds ?? {})
  const cells = (name: string, values: readonly string[]) =>
    `${name.padEnd(NAME)}  ${values.map((value) => value.padStart(10)).join('  ')}`
  const row = (name: string, { microseconds, busy }: Series) =>
    cells(name, [...nodes.map((node) => (microseconds[node] ?? Number.NaN).toFixed(0)), `${(busy * 100).toFixed(0)} %`])
  return [
    cells('', [...nodes, 'busy']),
    ...comparisons.flatMap(({ what, measured, against }) => [row(what, measured), row(`  ${against.name}`, against)]),
  ]
}
