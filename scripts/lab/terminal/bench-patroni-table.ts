import type { PatroniFigures } from '../bench/patroni.ts'
import { machineLine } from '../docker/machine.ts'
import { median } from '../numbers.ts'
import { table } from './table.ts'

/** How many times as long as Patroni alone the lab may take. */
const TARGET = 1.05

/** The figures as a table: medians of both sides, how far they differ, and whether the target is met. */
export function patroniTable({ machine, lab, alone }: PatroniFigures): string {
  const row = (name: string, of: 'kill' | 'freeze') => {
    if (lab[of].length === 0) return []
    const ratio = median(lab[of]) / median(alone[of])
    const met = ratio <= TARGET ? 'met' : 'missed'
    return [[name, spread(lab[of]), spread(alone[of]), ratio.toFixed(3), `≤ ${TARGET} ${met}`]]
  }
  return [
    `${machineLine(machine)}; ${lab.kill.length} kills and ${lab.freeze.length} freezes of each, in turn: median (least to most)`,
    '',
    ...table(
      [
        ['from the command to the first acknowledged write', 'Patroni in the lab', 'Patroni alone', 'ratio', 'target'],
        ...row('the primary is killed', 'kill'),
        ...row('the primary is frozen', 'freeze'),
      ],
      [3],
    ),
  ].join('\n')
}

const spread = (seconds: readonly number[]): string =>
  `${median(seconds).toFixed(2)} s (${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)})`
