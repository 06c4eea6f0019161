// The labs of a run of tests: one for each file that runs at the same time, or the one that is kept between runs.
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePortOffset } from '../scripts/lab/topology/free-ports.ts'

const ROOT = join(import.meta.dirname, '..')
const FOLDER = join(ROOT, '.kept-lab')
const NOTE = join(FOLDER, 'environment.json')

/** The variable that names the file with the labs of this run, for `take-lab.ts`. */
export const LABS_NOTE = 'TEST_LABS'

/** What the environment of a lab's own scripts and tests has besides. */
export type LabEnvironment = {
  readonly LAB_NAME: string
  readonly LAB_PORT_OFFSET: string
  /** Nothing of a test's lab goes into the user's home. */
  readonly XDG_STATE_HOME: string
  readonly PGPASSFILE: string
}

/** Environment of the lab called `name` that keeps its files in `folder`, on ports that are free now. */
const labEnvironment = async (name: string, folder: string): Promise<LabEnvironment> => ({
  LAB_NAME: name,
  LAB_PORT_OFFSET: String(await freePortOffset()),
  XDG_STATE_HOME: join(folder, 'state'),
  PGPASSFILE: join(folder, 'pgpass'),
})

/** So many labs for one run, which keep their files below `folder`. */
export async function newLabs(count: number, folder: string): Promise<readonly LabEnvironment[]> {
  const run = `test-${randomBytes(3).toString('hex')}`
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      labEnvironment(`${run}-${index + 1}`, join(folder, `lab-${index + 1}`)),
    ),
  )
}

/** Environment of this checkout's kept lab, undefined if there is none. */
export function keptLab(): LabEnvironment | undefined {
  try {
    return JSON.parse(readFileSync(NOTE, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The same, noted now if there is none. */
export async function keepLab(): Promise<LabEnvironment> {
  const kept = keptLab()
  if (kept !== undefined) return kept
  // By the checkout's place: two checkouts keep two labs.
  const place = createHash('sha256').update(ROOT).digest('hex').slice(0, 6)
  const environment = await labEnvironment(`test-kept-${place}`, FOLDER)
  mkdirSync(FOLDER, { recursive: true, mode: 0o700 })
  writeFileSync(NOTE, `${JSON.stringify(environment, null, 2)}\n`)
  return environment
}

/** Forgets the kept lab, once it is removed. */
export const forgetLab = (): void => rmSync(FOLDER, { recursive: true, force: true })
