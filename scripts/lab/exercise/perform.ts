import { setTimeout as pause } from 'node:timers/promises'
import { interruption } from '../interruption.ts'
import { unreported } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'
import { reset } from '../verbs/reset.ts'
import type { Exercise, Finding } from './exercise.ts'
import { type Stage, stageOf } from './stage.ts'
import { endTraffic } from './traffic.ts'

/** Seconds that what was just changed gets to show, before patience: a server that was started is not there at once. */
const SETTLE_SECONDS = 2
const LOOK_AGAIN_MS = 400

/** Gives the lab back as new, whatever an exercise left; says nothing of how. */
export async function clear(lab: Lab): Promise<void> {
  await endTraffic(lab)
  await reset(lab, unreported)
}

/** Brings the lab into the state of an exercise, from whatever state it is in, and says nothing of how; gives its notes. */
export async function setUp(lab: Lab, exercise: Exercise): Promise<unknown> {
  await clear(lab)
  return exercise.setup(stageOf(lab))
}

/** Looks at what an exercise looks at, again and again until all is as expected or the time is over. */
export async function examine(
  lab: Lab,
  exercise: Exercise,
  notes: unknown,
  answer: string | undefined,
): Promise<readonly Finding[]> {
  const deadline = performance.now() + SETTLE_SECONDS * 1000 * lab.settings.patience
  for (;;) {
    const findings = await exercise.check(glance(lab), notes, answer)
    if (passes(findings) || performance.now() > deadline) return findings
    await pause(LOOK_AGAIN_MS, undefined, { signal: interruption.signal })
  }
}

/** A stage for one look: several findings share what is asked of the whole lab. */
function glance(lab: Lab): Stage {
  const stage = stageOf(lab)
  let status: ReturnType<Stage['status']> | undefined
  return {
    ...stage,
    status: () => {
      status ??= stage.status()
      return status
    },
  }
}

export const passes = (findings: readonly Finding[]): boolean => findings.every(({ ok }) => ok)
