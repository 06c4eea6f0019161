import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { LabError, labError } from '../errors.ts'
import { repeated } from '../visible.ts'
import type { Exercise } from './exercise.ts'

const FOLDER = join(import.meta.dirname, '../../../exercises')

/** One exercise of the track, with its texts for learners. */
export type Entry = {
  /** Name of its folder: `02-stale-results`. */
  readonly name: string
  readonly number: number
  readonly title: string
  /** The brief: its README.md. */
  readonly brief: string
  /** The answers to the questions of the brief, shown when it is solved. */
  readonly answers: string
  readonly exercise: Exercise
}

/** The names of all exercises, in order: the names of their folders. */
export async function namesOfTrack(): Promise<readonly string[]> {
  const found = await readdir(FOLDER, { withFileTypes: true })
  return found
    .filter((it) => it.isDirectory() && /^\d\d-/.test(it.name))
    .map(({ name }) => name)
    .sort()
}

/** All exercises, in order. If one does not load, the error names it. */
export const readTrack = async (): Promise<readonly Entry[]> =>
  Promise.all((await namesOfTrack()).map((name) => readEntry(join(FOLDER, name))))

/** All exercises that load, in order, and the errors of the others. */
export async function readWhatLoads(
  folders?: readonly string[],
): Promise<{ readonly entries: readonly Entry[]; readonly broken: readonly LabError[] }> {
  const all = folders ?? (await namesOfTrack()).map((name) => join(FOLDER, name))
  const read = await Promise.all(
    all.map((folder) =>
      readEntry(folder).catch((error: unknown) => {
        if (error instanceof LabError) return error
        throw error
      }),
    ),
  )
  return {
    entries: read.flatMap((it) => (it instanceof LabError ? [] : [it])),
    broken: read.flatMap((it) => (it instanceof LabError ? [it] : [])),
  }
}

/** The exercise that a learner names by its number, with or without the zero, or by its name. */
export async function entryOf(word: string): Promise<Entry> {
  const names = await namesOfTrack()
  const name = names.find(
    (it) => it === word || it.slice(3) === word || (/^\d+$/.test(word) && numberOf(it) === Number(word)),
  )
  if (name === undefined) throw labError('NO_SUCH_EXERCISE', { word: repeated(word), last: names.length })
  return readEntry(join(FOLDER, name))
}

/** The exercise in any folder. If it does not load, that is an `EXERCISE_BROKEN` error. */
export async function readEntry(folder: string): Promise<Entry> {
  const name = basename(folder)
  const [brief, answers, module] = await Promise.all([
    readFile(join(folder, 'README.md'), 'utf8'),
    readFile(join(folder, 'answers.md'), 'utf8'),
    import(pathToFileURL(join(folder, 'exercise.ts')).href) as Promise<{ exercise?: Exercise }>,
  ]).catch((error: unknown) => {
    throw labError('EXERCISE_BROKEN', { name, problem: error instanceof Error ? error.message : String(error) })
  })
  const { exercise } = module
  if (exercise === undefined)
    throw labError('EXERCISE_BROKEN', { name, problem: 'exercise.ts exports no `exercise`: see exercises/template' })
  const [, number = '0', title = name] = /^# (\d+)\. (.+)$/m.exec(brief) ?? []
  return { name, number: Number(number), title, brief, answers, exercise }
}

const numberOf = (name: string): number => Number(name.slice(0, 2))
