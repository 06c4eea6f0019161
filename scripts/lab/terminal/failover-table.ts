import type { FailoverFigures, FailoverRun } from '../bench/failover.ts'
import { machineLine } from '../docker/machine.ts'
import { median, quantile } from '../statistics.ts'

/** The figures as a table: median, 95th percentile and most of each, against its target, and the medians of its parts. */
export function failoverTable({ machine, runs, failover, watchCrash, watchFreeze, thawed }: FailoverFigures): string {
  return [
    `${machineLine(machine)}; ${runs} runs of each, to the first vote that a client saw acknowledged`,
    '',
    `${''.padEnd(40)}  ${'median'.padStart(7)}  ${'p95'.padStart(7)}  ${'most'.padStart(7)}  target`,
    ...row('failover after a crash, from the command', failover, 1, 0.5),
    ...row('--watch, from the order to kill', watchCrash, 2, 0.95),
    ...row('--watch, from the order to pause', watchFreeze, 2, 0.95),
    '',
    `${thawed.attempts} votes put straight to the frozen primary: ${thawed.acknowledged} acknowledged after the failover, thawed and started again; ${thawed.beforeFence} before, on its way to be fenced`,
  ].join('\n')
}

/** A row, and below it where the time goes. */
function row(name: string, runs: readonly FailoverRun[], target: number, share: number): string[] {
  const seconds = runs.map((run) => run.seconds)
  const met = quantile(seconds, share) <= target ? 'met' : 'missed'
  const figures = [median(seconds), quantile(seconds, 0.95), Math.max(...seconds)]
  const parts = Object.keys(runs[0]?.parts ?? {}).map(
    (part) => `${part} ${median(runs.map((run) => run.parts[part] ?? 0)).toFixed(2)}`,
  )
  return [
    [
      name.padEnd(40),
      ...figures.map((it) => `${it.toFixed(2)} s`.padStart(7)),
      `${share === 0.95 ? 'p95' : 'median'} ≤ ${target} s ${met}`,
    ].join('  '),
    `  ${parts.join(', ')}`,
  ]
}
