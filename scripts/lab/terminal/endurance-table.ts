import { type EnduranceFigures, faultsOf } from '../bench/endurance.ts'
import { machineLine } from '../docker/machine.ts'

/** The result of an endurance run, in words and figures. */
export function enduranceTable(figures: EnduranceFigures): string {
  const { machine, options, kills, acknowledged, perSecond, longestGap, stored, lost, memory } = figures
  const faults = faultsOf(figures)
  return [
    machineLine(machine),
    `${options.callers} callers that retry with keys; ${options.seconds} s in which servers were killed ${kills} times, then ${options.calmSeconds} s without`,
    '',
    `acknowledged    ${acknowledged} votes, ${perSecond.toFixed(0)} a second; longest gap ${longestGap.toFixed(0)} ms`,
    `stored          ${stored}, of the acknowledged ${lost.length} lost`,
    ...memory.map(
      ({ name, warm, end }) => `memory          ${name}: ${warm.toFixed(0)} MiB, at the end ${end.toFixed(0)} MiB`,
    ),
    '',
    ...(faults.length === 0
      ? ['✓ no error, nothing lost, nothing counted twice']
      : faults.map((fault) => `✗ ${fault}`)),
  ].join('\n')
}
