import { containersOf } from '../docker/nodes.ts'
import { type LabError, labError } from '../errors.ts'
import { assertManager } from '../managers/manager-of.ts'
import { exclusively } from '../state/lock.ts'
import type { Say } from '../steps.ts'
import type { Lab, Shape } from '../topology/topology.ts'
import { assertNothingAtStake } from './belongings.ts'
import type { Finding, Step } from './exercise.ts'
import { examine, giveBack, labFor, passes, setUp, shapeNow } from './perform.ts'
import { answering, checked, hinted, keepProgress, leave, type Progress, readProgress, started } from './progress.ts'
import { type Acted, carryOut } from './solution.ts'
import { type Stage, stageOf } from './stage.ts'
import { type Entry, entryOf, namesOfTrack, readWhatLoads } from './track.ts'
import { type Verified, verify } from './verify.ts'

/** The track and the learner's progress. */
export type Listed = {
  readonly track: readonly Entry[]
  /** Errors of exercises that do not load. */
  readonly broken: readonly LabError[]
  readonly progress: Progress
}

/** The exercise that was started on the lab. */
export type Started = { readonly entry: Entry; readonly given: readonly string[] }

/** The result of a check. `next`: the exercise after it; undefined after the last one. */
export type Checked = {
  readonly entry: Entry
  readonly passed: boolean
  readonly findings: readonly Finding[]
  /** Given at an earlier check, and used again. */
  readonly earlierAnswer: string | undefined
  readonly next: string | undefined
}

export async function list(lab: Lab): Promise<Listed> {
  const [{ entries, broken }, progress] = await Promise.all([readWhatLoads(), readProgress(lab)])
  return { track: entries, broken, progress }
}

/** Brings the lab into the state of an exercise. All votes are deleted; the learner's own polls only with `discard`. */
export const start = (lab: Lab, word: string, discard: boolean, say: Say): Promise<Started> =>
  alone(lab, async () => {
    const entry = await entryOf(word)
    const { manager } = await shapeNow(lab)
    assertManager(lab, manager, entry.exercise.manager, 'this exercise')
    return begin(lab, entry, discard, false, say)
  })

async function begin(lab: Lab, entry: Entry, discard: boolean, shown: boolean, say: Say): Promise<Started> {
  const progress = await readProgress(lab)
  if (!discard) await assertNothingAtStake(lab, progress, say)
  say('bringing the lab into the state of the exercise; all votes are deleted')
  const mine = { ...progress, standbysBefore: progress.standbysBefore ?? (await shapeNow(lab)).standbys }
  // If this is interrupted, the lab is in no exercise.
  await keepProgress(lab, leave(mine))
  const notes = await setUp(lab, entry.exercise, say)
  await keepProgress(lab, started(mine, entry.name, notes, shown))
  return { entry, given: entry.exercise.given(stageFor(lab, entry), notes) }
}

/** Checks the lab and stores the result. */
export const check = (lab: Lab, word: string | undefined, given: string | undefined): Promise<Checked> =>
  alone(lab, async () => {
    const progress = await readProgress(lab)
    const entry = await currentOf(progress, word)
    const earlierAnswer = given === undefined ? progress.current?.answer : undefined
    const answer = given ?? earlierAnswer
    // Without any node one error is enough: otherwise each finding would say the same.
    if ((await containersOf(lab)).every(({ state }) => state === 'absent'))
      throw labError('NOT_SET_UP', { lab: lab.name, missing: 'node at all' })
    const findings = await examine(labFor(lab, entry.exercise), entry.exercise, progress.current?.notes, answer)
    const passed = passes(findings)
    await keepProgress(lab, checked(answering(progress, answer), passed))
    return { entry, passed, findings, earlierAnswer, next: await after(entry) }
  })

/** The next hint of the current exercise and the number of hints; undefined after the last one. */
export const hint = (lab: Lab, word?: string) =>
  alone(lab, async () => {
    const progress = await readProgress(lab)
    const entry = await currentOf(progress, word)
    const nth = progress.current?.hints ?? 0
    const hints = entry.exercise.hints(stageFor(lab, entry))
    const text = hints[nth]
    if (text !== undefined) await keepProgress(lab, hinted(progress))
    return { name: entry.name, text, nth: nth + 1, of: hints.length }
  })

export type Shown = { readonly before: (step: Step) => void; readonly after: (acted: Acted) => void }

/** Starts an exercise (the current one by default), carries out its solution, and checks it. */
export const solve = (lab: Lab, word: string | undefined, discard: boolean, say: Say, shown: Shown): Promise<Checked> =>
  alone(lab, async () => {
    const entry = word === undefined ? await currentOf(await readProgress(lab)) : await entryOf(word)
    await begin(lab, entry, discard, true, say)
    const progress = await readProgress(lab)
    const notes = progress.current?.notes
    const answer = await carryOut(entry.exercise.solution(stageFor(lab, entry), notes), shown)
    const findings = await examine(labFor(lab, entry.exercise), entry.exercise, notes, answer)
    const passed = passes(findings)
    await keepProgress(lab, checked(progress, passed))
    return { entry, passed, findings, earlierAnswer: undefined, next: await after(entry) }
  })

/** Resets the lab and leaves the exercise. `forget`: also deletes the learner's progress. */
export const end = (lab: Lab, discard: boolean, forget: boolean, say: Say): Promise<void> =>
  alone(lab, async () => {
    const progress = await readProgress(lab)
    if (!discard) await assertNothingAtStake(lab, progress, say)
    say('resetting the lab')
    await giveBack(lab, await shapeBefore(lab, progress), say)
    const { standbysBefore: _, ...left } = leave(progress)
    await keepProgress(lab, { ...left, exercises: forget ? {} : progress.exercises })
  })

/** Verifies exercises one after another, then resets the lab. The learner's progress stays. */
export const verifyAll = (
  lab: Lab,
  entries: readonly Entry[],
  { discard, thorough }: { readonly discard: boolean; readonly thorough: boolean },
  say: Say,
  verified: (it: Verified) => void,
): Promise<void> =>
  alone(lab, async () => {
    const progress = await readProgress(lab)
    if (!discard) await assertNothingAtStake(lab, progress, say)
    await keepProgress(lab, leave(progress))
    const before = await shapeBefore(lab, progress)
    for (const entry of entries) verified(await verify(lab, entry, thorough))
    await giveBack(lab, before)
  })

/** The shape that the lab had before the exercises. No exercise of a learner changes the manager. */
async function shapeBefore(lab: Lab, { standbysBefore }: Progress): Promise<Shape> {
  const now = await shapeNow(lab)
  return { ...now, standbys: standbysBefore ?? now.standbys }
}

const stageFor = (lab: Lab, { exercise }: Entry): Stage => stageOf(labFor(lab, exercise))

/** Only one of these runs at a time. It needs a lock of its own, since its commands take the lab's lock. */
const alone = <T>(lab: Lab, work: () => Promise<T>): Promise<T> => exclusively(lab, work, 'exercise')

/** The exercise that was started on the lab. `word`: the exercise that the learner named. */
async function currentOf({ current, exercises }: Progress, word?: string): Promise<Entry> {
  const asked = word === undefined ? undefined : await entryOf(word)
  if (current !== null) {
    if (asked === undefined || asked.name === current.name) return entryOf(current.name)
    const { name, number } = asked
    throw labError('OTHER_EXERCISE', { current: current.name, asked: name, number, word: word ?? '' })
  }
  const names = await namesOfTrack()
  const next = names.find((name) => exercises[name]?.solvedAt == null) ?? names[0] ?? ''
  throw labError('NO_EXERCISE', { next: asked?.number ?? Number(next.slice(0, 2)) })
}

async function after({ name }: Entry): Promise<string | undefined> {
  const names = await namesOfTrack()
  return names[names.indexOf(name) + 1]
}
