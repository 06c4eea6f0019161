import type { BackupsFigures, Side } from '../bench/backups.ts'
import type { FailoverRun } from '../bench/one-failover.ts'
import { machineLine } from '../docker/machine.ts'
import { bytes, median } from '../numbers.ts'
import { table } from './table.ts'

/** Seconds that archiving may add to a reset. A failover may not get slower: more than this is not the noise of the machine. */
const MOST_MORE = { reset: 1, failover: 0.1 }

/** The figures as tables: medians, and what archiving adds. */
export function backupsTable(it: BackupsFigures): string {
  const { machine, runs, votes, full, data, stored, restore, copy, off, on } = it
  const seconds = (its: readonly FailoverRun[]) => its.map((run) => run.seconds)
  const row = (name: string, of: (side: Side) => readonly number[], most: number) => {
    const [without, withIt] = [median(of(off)), median(of(on))]
    const more = withIt - without
    const target = `≤ ${most} s more ${more <= most ? 'met' : 'missed'}`
    return [
      name,
      `${without.toFixed(2)} s`,
      `${withIt.toFixed(2)} s`,
      `${more < 0 ? '−' : '+'}${Math.abs(more).toFixed(2)} s`,
      target,
    ]
  }
  return [
    `${machineLine(machine)}; medians of ${runs} runs, in turn`,
    '',
    `${votes} votes, ${bytes(data)} of data:`,
    ...table(
      [
        ['full backup', `${median(full).toFixed(2)} s`, `${bytes(stored)} in the repository`],
        ['pg_basebackup', `${median(copy).toFixed(2)} s`, ''],
        [
          'restore',
          `${median(restore).toFixed(2)} s`,
          `${(median(restore) / median(copy)).toFixed(1)} times as long as pg_basebackup`,
        ],
      ],
      [1],
    ),
    '',
    ...table(
      [
        ['', 'archiving off', 'on', 'more', 'target'],
        row('reset', (side) => side.reset, MOST_MORE.reset),
        row('failover after a crash, from the command', (side) => seconds(side.failover), MOST_MORE.failover),
        row('--watch, from the command to kill', (side) => seconds(side.watchCrash), MOST_MORE.failover),
      ],
      [1, 2, 3],
    ),
  ].join('\n')
}
