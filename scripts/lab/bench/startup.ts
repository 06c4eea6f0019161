import { cpus, totalmem } from 'node:os'
import { look } from '../engine/docker.ts'
import { reset } from '../reset.ts'
import { setup } from '../setup.ts'
import { teardown } from '../teardown.ts'
import type { Lab } from '../topology.ts'

/** Seconds of each run, in the order they were made. */
export type StartupFigures = {
  readonly at: string
  readonly machine: {
    readonly processors: number
    readonly model: string
    readonly memoryGiB: number
    readonly engine: string
  }
  readonly runs: number
  /** From nothing but images to five healthy nodes. */
  readonly setup: readonly number[]
  /** With everything up already. */
  readonly setupAgain: readonly number[]
  readonly reset: readonly number[]
  /** Teardown, then setup with images present: what reset spares. */
  readonly teardownAndSetup: readonly number[]
}

/** Times setup and reset of `lab`, in turn, so that a machine that slows down slows all of them. Images are built first, uncounted. */
export async function measureStartup(lab: Lab, runs: number): Promise<StartupFigures> {
  await setup(lab)
  const figures = {
    setup: [] as number[],
    setupAgain: [] as number[],
    reset: [] as number[],
    teardownAndSetup: [] as number[],
  }
  for (let run = 0; run < runs; run++) {
    figures.setupAgain.push(await secondsOf(() => setup(lab)))
    figures.reset.push(await secondsOf(() => reset(lab)))
    const down = await secondsOf(() => teardown(lab, { images: false }))
    const up = await secondsOf(() => setup(lab))
    figures.setup.push(up)
    figures.teardownAndSetup.push(down + up)
  }
  const [processor] = cpus()
  const machine = {
    processors: cpus().length,
    model: processor?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    engine: await look(['version', '--format', '{{.Server.Version}}']),
  }
  return { at: new Date().toISOString(), machine, runs, ...figures }
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return (performance.now() - from) / 1000
}
