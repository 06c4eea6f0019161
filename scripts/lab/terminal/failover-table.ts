import type { FailoverFigures, FailoverRun } from '../bench/failover.ts'
import { machineLine } from '../docker/machine.ts'
import { median, quantile } from '../statistics.ts'

/** The figures as a table: median, 95th percentile, greatest value and target, then the medians of the parts. */
export function failoverTable({ machine, runs, failover, watchCrash, watchFreeze, thawed }: FailoverFigures): string {
  return [
    `${machineLine(machine)}; ${runs} runs of each, until a client's vote was acknowledged`,
    '',
    `${''.padEnd(40)}  ${'median'.padStart(7)}  ${'p95'.padStart(7)}  ${'most'.padStart(7)}  target`,
    ...row('failover after a crash, from the command', failover, 1, 0.5),
    ...row('--watch, from the command to kill', watchCrash, 2, 0.95),
    ...row('--watch, from the command to pause', watchFreeze, 2, 0.95),
    '',
    `${thawed.attempts} votes sent directly to the frozen primary: it acknowledged ${thawed.acknowledged} after the failover, when it was thawed and started again, and ${thawed.beforeFence} while it was being fenced`,
  ].join('\n')
}

/** A row, and below it the times of the parts. */
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
