import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { labError } from '../errors.ts'
import type { Exercise } from './exercise.ts'

const FOLDER = join(import.meta.dirname, '../../../exercises')

/** One exercise of the track, with what is written for its learners. */
export type Entry = {
  /** Name of its folder: `02-stale-results`. */
  readonly name: string
  readonly number: number
  readonly title: string
  /** The brief, as it stands in README.md. */
  readonly brief: string
  /** What there is to say to the questions of the brief, once it is solved. */
  readonly answers: string
  readonly exercise: Exercise
}

/** The names of all exercises, in their order: the folders are the list. */
export async function namesOfTrack(): Promise<readonly string[]> {
  const found = await readdir(FOLDER, { withFileTypes: true })
  return found
    .filter((it) => it.isDirectory() && /^\d\d-/.test(it.name))
    .map(({ name }) => name)
    .sort()
}

/** All exercises, in their order. */
export const readTrack = async (): Promise<readonly Entry[]> =>
  Promise.all((await namesOfTrack()).map((name) => readEntry(join(FOLDER, name))))

/** The exercise that a learner means by its number, with or without the zero, or its name. */
export async function entryOf(word: string): Promise<Entry> {
  const names = await namesOfTrack()
  const name = names.find(
    (it) => it === word || it.slice(3) === word || (/^\d+$/.test(word) && numberOf(it) === Number(word)),
  )
  if (name === undefined) throw labError('NO_SUCH_EXERCISE', { word, last: names.length })
  return readEntry(join(FOLDER, name))
}

/** The exercise in a folder, of the track or not. */
export async function readEntry(folder: string): Promise<Entry> {
  const name = basename(folder)
  const [brief, answers, module] = await Promise.all([
    readFile(join(folder, 'README.md'), 'utf8'),
    readFile(join(folder, 'answers.md'), 'utf8'),
    import(pathToFileURL(join(folder, 'exercise.ts')).href) as Promise<{ exercise: Exercise }>,
  ])
  const [, number = '0', title = name] = /^# (\d+)\. (.+)$/m.exec(brief) ?? []
  return { name, number: Number(number), title, brief, answers, exercise: module.exercise }
}

const numberOf = (name: string): number => Number(name.slice(0, 2))
