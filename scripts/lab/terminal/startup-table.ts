import type { StartupFigures } from '../bench/startup.ts'
import { machineLine } from '../docker/machine.ts'
import { median } from '../statistics.ts'

/** Targets of the lab on 2 processors: seconds, and how many times faster reset is than teardown and setup. */
const TARGETS = { setup: 5, reset: 3, ratio: 5 }

/** The figures as a table: median, least and greatest value of each, and whether the target is met. */
export function startupTable(figures: StartupFigures): string {
  const { machine, runs } = figures
  const ratio = figures.teardownAndSetupFromNothing / median(figures.reset)
  const row = (name: string, seconds: readonly number[], target?: number) =>
    [
      name.padEnd(44),
      `${median(seconds).toFixed(2)} s`.padStart(8),
      `${Math.min(...seconds).toFixed(2)}–${Math.max(...seconds).toFixed(2)}`.padStart(12),
      target === undefined ? '' : `≤ ${target} s ${median(seconds) <= target ? 'met' : 'missed'}`,
    ].join('  ')
  return [
    `${machineLine(machine)}; ${runs} runs, in each all of these in turn`,
    '',
    `${''.padEnd(44)}  ${'median'.padStart(8)}  ${'range'.padStart(12)}  target`,
    row('setup, images present, nothing running', figures.setup, TARGETS.setup),
    row('setup again, nothing to do', figures.setupAgain),
    row('reset', figures.reset, TARGETS.reset),
    row('teardown and setup, images present', figures.teardownAndSetup),
    row('teardown and setup from nothing, once', [figures.teardownAndSetupFromNothing]),
    '',
    `teardown and setup from nothing ÷ reset = ${ratio.toFixed(1)} (target ≥ ${TARGETS.ratio}: ${ratio >= TARGETS.ratio ? 'met' : 'missed'})`,
  ].join('\n')
}
