import type { FailoverRun } from '../bench/one-failover.ts'
import type { QuorumFigures } from '../bench/quorum.ts'
import type { StandbysFigures } from '../bench/standbys.ts'
import { machineLine } from '../docker/machine.ts'
import { median } from '../numbers.ts'
import { table } from './table.ts'

/** Seconds that a further standby may add to a setup or reset, and that two may add to a failover by a watch. */
const TARGETS = { each: 1, watch: 0.2 }

/** The figures as a table: medians with one and with three standbys, the difference, and whether the target is met. */
export function standbysTable({ machine, runs, one, three }: StandbysFigures): string {
  const row = (name: string, few: readonly number[], many: readonly number[], target?: Target) => {
    const [of1, of3] = [median(few), median(many)]
    return [name, `${of1.toFixed(2)} s`, `${of3.toFixed(2)} s`, signed(of3 - of1), verdict(of3 - of1, target)]
  }
  const seconds = (its: readonly FailoverRun[]) => its.map((it) => it.seconds)
  const each: Target = { seconds: TARGETS.each, standbys: three.standbys - one.standbys }
  const watch: Target = { seconds: TARGETS.watch }
  return [
    `${machineLine(machine)}; medians of ${runs} runs, in each first the one and then the other, or the other way round`,
    '',
    ...table(
      [
        ['', `${one.standbys} standby`, `${three.standbys} standbys`, 'more', 'target'],
        row('setup, images present, nothing running', one.setup, three.setup, each),
        row('reset', one.reset, three.reset, each),
        row('failover after a crash, from the command', seconds(one.failover), seconds(three.failover)),
        row('--watch, from the command to kill', seconds(one.watchCrash), seconds(three.watchCrash), watch),
        row('--watch, from the command to pause', seconds(one.watchFreeze), seconds(three.watchFreeze), watch),
      ],
      [1, 2, 3],
    ),
  ].join('\n')
}

/** Seconds more at most: for each further standby, or at all. */
type Target = { readonly seconds: number; readonly standbys?: number }

const signed = (seconds: number): string => `${seconds < 0 ? '−' : '+'}${Math.abs(seconds).toFixed(2)} s`

function verdict(more: number, target: Target | undefined): string {
  if (target === undefined) return ''
  const { seconds, standbys } = target
  const met = more <= seconds * (standbys ?? 1) ? 'met' : 'missed'
  return standbys === undefined
    ? `≤ ${seconds} s more ${met}`
    : `≤ ${seconds} s more for each standby ${met} (${(more / standbys).toFixed(2)})`
}

/** The figures as a table: latencies of a vote for each choice, medians of the rounds. */
export function quorumTable({ machine, options, slow, rate, sides, outcomes }: QuorumFigures): string {
  return [
    machineLine(machine),
    `${options.callers} callers, each with one vote under way; ${options.rounds} rounds of ${options.seconds} s; ${slow} sends at ${rate} kbit/s`,
    '',
    ...table(
      [
        ['', 'p50', 'p99'],
        ...sides.map(({ choice, p50, p99 }) => [choice, ...[p50, p99].map((of) => `${median(of).toFixed(1)} ms`)]),
      ],
      [1, 2],
    ),
    ...Object.entries(outcomes).flatMap(([outcome, count]) => (outcome === 'ok' ? [] : [`✗ ${count} × ${outcome}`])),
  ].join('\n')
}
