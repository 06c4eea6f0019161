import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { labError } from '../errors.ts'
import { stateFolder } from '../state/folder.ts'
import { writePrivately } from '../state/private-files.ts'
import type { Lab } from '../topology/topology.ts'
import { userName } from '../user.ts'

/** A learner's progress in one exercise. Dates are ISO texts. */
const Exercised = z.object({
  starts: z.number(),
  checks: z.number(),
  hints: z.number(),
  firstStartedAt: z.string(),
  solvedAt: z.string().nullable(),
  /** Whether the learner solved it or saw its solution; null while it is unsolved. */
  solvedBy: z.enum(['learner', 'solution']).nullable(),
  /** Seconds from the last start to the check that passed. */
  seconds: z.number().nullable(),
})
export type Exercised = z.infer<typeof Exercised>

const Current = z.object({
  name: z.string(),
  startedAt: z.string(),
  hints: z.number(),
  /** Whether its solution was carried out by `solve`. */
  shown: z.boolean(),
  notes: z.unknown(),
  /** The last answer, so that the learner need not give it again. */
  answer: z.string().optional(),
})
export type Current = z.infer<typeof Current>

/** How far a learner is on one lab. */
export const Progress = z.object({
  learner: z.string(),
  /** The exercise that was started on the lab; null if there is none. */
  current: Current.nullable(),
  exercises: z.record(z.string(), Exercised),
  /** How many standbys the lab had before the learner started an exercise on it; undefined outside the exercises. */
  standbysBefore: z.number().optional(),
})
export type Progress = z.infer<typeof Progress>

/** Not in the lab's own folder, so that it survives a teardown. */
export const progressFile = (lab: Lab): string => `${stateFolder(lab)}.progress.json`

/** The stored progress; empty for a learner who has not started yet. */
export async function readProgress(lab: Lab): Promise<Progress> {
  const file = progressFile(lab)
  try {
    return Progress.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { learner: userName(), current: null, exercises: {} }
    throw labError('PROGRESS_BROKEN', {
      file,
      problem: error instanceof z.ZodError ? z.prettifyError(error) : String(error),
    })
  }
}

export const keepProgress = (lab: Lab, progress: Progress): Promise<void> =>
  writePrivately(progressFile(lab), `${JSON.stringify(progress, null, 2)}\n`)

const NEW: Omit<Exercised, 'firstStartedAt'> = {
  starts: 0,
  checks: 0,
  hints: 0,
  solvedAt: null,
  solvedBy: null,
  seconds: null,
}

/** The lab leaves its exercise, because it is about to be changed. */
export const leave = (progress: Progress): Progress => ({ ...progress, current: null })

/** An exercise has been started. */
export function started(progress: Progress, name: string, notes: unknown, shown: boolean, now = new Date()): Progress {
  const startedAt = now.toISOString()
  const before = progress.exercises[name] ?? { ...NEW, firstStartedAt: startedAt }
  return {
    ...progress,
    current: { name, startedAt, hints: 0, shown, notes },
    exercises: { ...progress.exercises, [name]: { ...before, starts: before.starts + 1 } },
  }
}

/** The current exercise has been checked. If the learner has solved it, it stays solved, also after its solution is shown. */
export function checked(progress: Progress, passed: boolean, now = new Date()): Progress {
  return changed(progress, (record, current) => {
    const counted = { ...record, checks: record.checks + 1 }
    if (!passed || record.solvedBy === 'learner' || (current.shown && record.solvedBy !== null)) return counted
    const seconds = Math.round((now.getTime() - Date.parse(current.startedAt)) / 1000)
    return { ...counted, solvedAt: now.toISOString(), solvedBy: current.shown ? 'solution' : 'learner', seconds }
  })
}

/** The learner has answered. The answer counts until the exercise is started again. */
export const answering = (progress: Progress, answer: string | undefined): Progress =>
  progress.current === null || answer === undefined
    ? progress
    : { ...progress, current: { ...progress.current, answer } }

/** One more hint was given. Hints after the exercise was solved do not count. */
export function hinted(progress: Progress): Progress {
  const after = changed(progress, (record) =>
    record.solvedAt === null ? { ...record, hints: record.hints + 1 } : record,
  )
  return { ...after, current: after.current && { ...after.current, hints: after.current.hints + 1 } }
}

function changed(progress: Progress, change: (record: Exercised, current: Current) => Exercised): Progress {
  const { current, exercises } = progress
  const record = current && exercises[current.name]
  if (!current || !record) return progress
  return { ...progress, exercises: { ...exercises, [current.name]: change(record, current) } }
}
