import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { labError } from '../errors.ts'
import { parseRecord } from '../lines.ts'
import { repeated } from '../visible.ts'
import { Experiment } from './record.ts'

/** The default folder for experiments; git ignores it. */
export const EXPERIMENTS = join(import.meta.dirname, '../../../results/experiments')

/** Names of the files in a run's folder, and of the report beside the runs. */
export const FILES = {
  history: 'history.jsonl',
  stored: 'stored.jsonl',
  found: 'found.json',
  result: 'result.json',
  report: 'report.html',
} as const

/** The experiments in a folder that began after an ISO date, the newest first. */
export async function experimentsSince(since: string, parent: string = EXPERIMENTS): Promise<readonly Experiment[]> {
  const names = (await readdir(parent).catch(() => [])).filter((name) => name !== 'latest')
  const found: Experiment[] = []
  for (const name of names) {
    // An experiment in progress has no file yet.
    const text = await readFile(join(parent, name, EXPERIMENT), 'utf8').catch(() => undefined)
    if (text !== undefined) found.push(parseRecord(join(parent, name, EXPERIMENT), text, Experiment))
  }
  return found.filter(({ at }) => at > since).sort((a, b) => (a.at < b.at ? 1 : -1))
}

/** The file about all runs of an experiment. */
const EXPERIMENT = 'experiment.json'

/** Makes the folder of an experiment that begins now; the link `latest` beside it points to it. */
export async function createFolder(parent: string, at: Date, what: string): Promise<string> {
  const folder = join(parent, `${at.toISOString().slice(0, 19).replaceAll(':', '-')}-${what}`)
  await mkdir(folder, { recursive: true }).catch(({ message }: Error) => {
    throw labError('OUTPUT', { path: folder, problem: message })
  })
  const latest = join(parent, 'latest')
  const draft = `${latest}.${process.pid}`
  await rm(draft, { force: true })
  await symlink(basename(folder), draft)
  await rename(draft, latest)
  return folder
}

/** Replaces a file in one step. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const draft = join(dirname(file), `.${basename(file)}.${process.pid}`)
  await writeFile(draft, text)
  await rename(draft, file)
}

export const replaceJson = (file: string, value: unknown): Promise<void> =>
  replaceFile(file, `${JSON.stringify(value, null, 1)}\n`)

/** Stores an experiment in its folder. */
export const writeExperiment = (folder: string, it: Experiment): Promise<void> =>
  replaceJson(join(folder, EXPERIMENT), it)

/** Reads an experiment from its folder. */
export async function readExperiment(folder: string): Promise<Experiment> {
  const file = join(folder, EXPERIMENT)
  const text = await readFile(file, 'utf8').catch(({ message }: Error) => {
    throw labError('NO_SUCH_EXPERIMENT', { folder: repeated(folder), problem: message })
  })
  return parseRecord(file, text, Experiment)
}
