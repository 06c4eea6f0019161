import { setTimeout as pause } from 'node:timers/promises'
import { withItsShape } from '../docker/here.ts'
import { containersOf } from '../docker/nodes.ts'
import type { ErrorCode } from '../error-table.ts'
import { LabError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import { type Say, unreported } from '../steps.ts'
import { type Lab, labOf, type Shape } from '../topology/topology.ts'
import { reset } from '../verbs/reset.ts'
import { setup } from '../verbs/setup.ts'
import type { Exercise, Finding } from './exercise.ts'
import { type Stage, stageOf } from './stage.ts'
import { endTraffic } from './traffic.ts'

/** Seconds, before `patience`, until a change has to show: a server that was started needs a moment. */
const SETTLE_SECONDS = 2
const LOOK_AGAIN_MS = 400

/**
 * Resets the lab, whatever an exercise or its learner left, without showing the steps. It keeps the standbys and the manager
 * that there are; gives the lab with these.
 */
export async function clear({ settings }: Pick<Lab, 'settings'>): Promise<Lab> {
  const lab = await asItIs({ settings })
  await endTraffic(lab)
  try {
    await reset(lab, unreported)
  } catch (error) {
    if (!(error instanceof LabError) || !(await isForSetup(lab, error.code))) throw error
    await setup(lab, unreported)
    await reset(lab, unreported)
  }
  return lab
}

/** A reset starts the nodes as they are; only setup repairs a container that somebody changed with `docker` commands. */
const SETUP_REPAIRS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['NODE_CHANGED', 'NOT_STARTED'])

/** An interrupted start may have left a standby half-made. But a lab that is not there at all is not made by an exercise. */
const isForSetup = async (lab: Lab, code: ErrorCode): Promise<boolean> =>
  SETUP_REPAIRS.has(code) ||
  (code === 'NOT_SET_UP' && (await containersOf(lab)).some(({ state }) => state !== 'absent'))

/** The lab with that shape, as an exercise needs it or the learner had it. */
const labWith = ({ settings }: Lab, { standbys, manager }: Shape): Lab =>
  labOf({ ...settings, standbys, standbysGiven: true, manager, managerGiven: true })

/** The lab with as many standbys as an exercise needs, and its manager. */
export const labFor = (lab: Lab, exercise: Pick<Exercise, 'standbys' | 'manager'>): Lab => labWith(lab, exercise)

const asItIs = ({ settings }: Pick<Lab, 'settings'>): Promise<Lab> =>
  withItsShape(labOf({ ...settings, standbysGiven: false, managerGiven: false }))

/** How many standbys the lab has now, and its manager. */
export const shapeNow = async (lab: Lab): Promise<Shape> => (await asItIs(lab)).settings

/** Resets the lab, and gives it the shape that it had before an exercise changed it. */
export async function giveBack(lab: Lab, shape: Shape, say: Say = () => {}): Promise<void> {
  const now = await clear(lab)
  const before = labWith(lab, shape)
  if (isAlike(now, before)) return
  say(`the lab had ${shapeIn(before)} before: setup brings it back to that`)
  await setup(before, unreported)
}

const isAlike = (one: Lab, other: Lab): boolean =>
  one.settings.standbys === other.settings.standbys && one.settings.manager === other.settings.manager

/**
 * Brings the lab from any state, with any number of standbys, into that of an exercise, without showing the steps; gives the
 * exercise's notes.
 */
export async function setUp(lab: Lab, exercise: Exercise, say: Say = () => {}): Promise<unknown> {
  // A lab as new has nothing that keeps setup from adding or removing standbys.
  const before = await clear(lab)
  const its = labFor(lab, exercise)
  if (!isAlike(before, its)) {
    say(`this exercise needs ${shapeIn(its)}, and the lab has ${shapeIn(before)}: setup changes that`)
    await setup(its, unreported)
  }
  return exercise.setup(stageOf(its))
}

const shapeIn = ({ settings: { standbys, manager } }: Lab): string =>
  `${standbys === 1 ? 'one standby' : `${standbys} standbys`}${manager === 'scripted' ? '' : ` and ${manager}`}`

/** Runs an exercise's check again and again, until everything is as expected or the time is over. */
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

/** A stage for one look: several findings share one status of the lab. */
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
