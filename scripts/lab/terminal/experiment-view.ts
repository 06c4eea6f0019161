import { chalk } from 'zx/core'
import type { Kept } from '../experiment/experiment.ts'
import { managedAs, type Run } from '../experiment/record.ts'
import { median } from '../numbers.ts'
import { visible } from '../visible.ts'
import { table } from './table.ts'

const MARKS = { pass: chalk.green('✓'), fail: chalk.red('✗'), unknown: chalk.yellow('?') } as const
/** How many lost votes are named for each run; its result.json names all. */
const NAMED = 10

/** The runs, grouped by their plans, then the reasons of those that did not pass. */
export function experimentTable({ experiment, folder, report }: Kept): string {
  const groups = Map.groupBy(experiment.runs, ({ plan }) =>
    [managedAs(plan), plan.fault, plan.level, plan.recovery].join('\t'),
  )
  const [head = '', ...lines] = table([
    [
      'MANAGER',
      'FAULT',
      'LEVEL',
      'RECOVERY',
      'RUNS',
      'PASS',
      'FAIL',
      'UNKNOWN',
      'RTO ms (least to most)',
      'LOST',
      'TWO PRIMARIES ms',
      'NO WRITES ms',
      'VOTE ms',
      'VOTES/s',
    ],
    ...[...groups].map(([key, runs]) => [...key.split('\t'), ...figuresOf(runs)]),
  ])
  return [
    chalk.dim(head),
    ...lines,
    '',
    ...experiment.runs.flatMap(runLines),
    `${MARKS[experiment.verdict]} ${experiment.verdict}; everything is in ${visible(folder)}`,
    `  look at ${visible(report)}`,
  ].join('\n')
}

function figuresOf(runs: readonly Run[]): readonly string[] {
  const judgements = runs.map(({ judgement }) => judgement)
  const count = (wanted: Run['judgement']['verdict']) =>
    String(judgements.filter(({ verdict }) => verdict === wanted).length)
  const gaps = judgements.flatMap(({ writes: { longestGap } }) =>
    longestGap === null ? [] : [longestGap.to - longestGap.from],
  )
  const paces = judgements.flatMap(({ pace }) => pace ?? [])
  return [
    String(runs.length),
    count('pass'),
    count('fail'),
    count('unknown'),
    spread(judgements.flatMap(({ rto }) => rto ?? [])),
    String(judgements.reduce((sum, { lost }) => sum + lost.length, 0)),
    spread(judgements.map(({ splitBrain }) => splitBrain)),
    spread(gaps),
    paces.length === 0 ? '-' : median(paces.map((pace) => pace.median)).toFixed(1),
    paces.length === 0 ? '-' : median(paces.map(({ perSecond }) => perSecond)).toFixed(0),
  ]
}

/** The median; if there are several values, also the least and the greatest. */
function spread(values: readonly number[]): string {
  if (values.length === 0) return '-'
  const middle = median(values).toFixed(0)
  return values.length === 1
    ? middle
    : `${middle} (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`
}

function runLines({ name, judgement: { verdict, reasons, lost, parts } }: Run): readonly string[] {
  const named = lost
    .slice(0, NAMED)
    .map(({ user, option, poll }) => visible(`    lost: ${user}: ${option}   (${poll})`))
  const more = lost.length > NAMED ? [`    … and ${lost.length - NAMED} more, named in its result.json`] : []
  const spent =
    parts.length === 0 ? '' : `   ${parts.map((part) => `${part.name} ${part.ms.toFixed(0)}`).join(', ')} ms`
  const why = verdict === 'pass' ? [] : reasons.map((reason) => `    ${visible(reason)}`)
  return [`${MARKS[verdict]} ${name}${spent}`, ...why, ...named, ...more]
}
