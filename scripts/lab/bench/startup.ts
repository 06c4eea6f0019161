import { type Machine, machine } from '../docker/machine.ts'
import type { Reporter } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'
import { reset } from '../verbs/reset.ts'
import { setup } from '../verbs/setup.ts'
import { teardown } from '../verbs/teardown.ts'
import { benchLab } from './lab.ts'

/** Seconds of each run, in the order of the runs. */
export type StartupFigures = {
  readonly at: string
  readonly machine: Machine
  readonly runs: number
  /** Teardown, then setup without any image, not even a base; only once, since it takes long. */
  readonly teardownAndSetupFromNothing: number
  /** From images only to five healthy nodes. */
  readonly setup: readonly number[]
  /** When everything is up already. */
  readonly setupAgain: readonly number[]
  readonly reset: readonly number[]
  /** Teardown, then setup with images: what reset avoids. */
  readonly teardownAndSetup: readonly number[]
}

/** Times setup and reset in turn: if the machine slows down, that affects both. */
export async function measureStartup(runs: number, reporter: Reporter): Promise<StartupFigures> {
  const fromNothing = await benchLab(true, reporter, async (lab) => ({
    up: await secondsOf(() => setup(lab, reporter)),
    down: await secondsOf(() => teardown(lab, { images: true }, reporter)),
  }))
  const repeated = await benchLab(false, reporter, (lab) => measureRepeated(lab, runs, reporter))
  return {
    at: new Date().toISOString(),
    machine: await machine(),
    runs,
    teardownAndSetupFromNothing: fromNothing.up + fromNothing.down,
    ...repeated,
  }
}

async function measureRepeated(lab: Lab, runs: number, reporter: Reporter) {
  // Builds missing images; this is not timed.
  await setup(lab, reporter)
  const figures = {
    setup: [] as number[],
    setupAgain: [] as number[],
    reset: [] as number[],
    teardownAndSetup: [] as number[],
  }
  for (let run = 0; run < runs; run++) {
    figures.setupAgain.push(await secondsOf(() => setup(lab, reporter)))
    figures.reset.push(await secondsOf(() => reset(lab, reporter)))
    const down = await secondsOf(() => teardown(lab, { images: false }, reporter))
    const up = await secondsOf(() => setup(lab, reporter))
    figures.setup.push(up)
    figures.teardownAndSetup.push(down + up)
  }
  return figures
}

/** How long some work takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return (performance.now() - from) / 1000
}
