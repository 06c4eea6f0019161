import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ClusterView } from './cluster/view.ts'
import { causeText } from './errors.ts'
import type { Log } from './log.ts'
import type { Settings } from './settings.ts'
import { type Migration, type MigrationProblem, readMigrations } from './store/migrations.ts'
import { missingMigrations } from './store/missing-migrations.ts'

const MIGRATIONS_FOLDER = fileURLToPath(new URL('./store/migrations', import.meta.url))
const LOOK_AGAIN_MS = 100
const TELL_EVERY_MS = 5000

/**
 * Waits until the database for reads has the schema. The server has no rights to create it: setup does that. There is no
 * time limit, since databases may come up much later. It logs what it waits for, and stops at `signal`.
 */
export async function waitForSchema(
  settings: Settings,
  view: ClusterView,
  log: Log,
  signal: AbortSignal,
): Promise<MigrationProblem | undefined> {
  const files = readMigrations(MIGRATIONS_FOLDER)
  if ('problem' in files) return files
  const started = performance.now()
  let told = Number.NEGATIVE_INFINITY
  let awaited: string | undefined
  while (!signal.aborted) {
    const step = await oneStep(settings, view, files)
    if (step === undefined || 'problem' in step) return step
    if (step.awaited !== awaited || performance.now() - told >= TELL_EVERY_MS) {
      awaited = step.awaited
      told = performance.now()
      log.info(
        { waitedSeconds: Math.round((told - started) / 1000), reason: step.reason },
        `waiting for ${step.awaited}`,
      )
    }
    await sleep(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {})
  }
  return undefined
}

type Waiting = { awaited: string; reason: string }

/** Undefined when the schema is there. */
async function oneStep(
  settings: Settings,
  view: ClusterView,
  files: Migration[],
): Promise<Waiting | MigrationProblem | undefined> {
  const readable = settings.databases.find(({ name }) => name === view.readable())
  if (!readable) return { awaited: 'a database that answers', reason: view.reason() }
  const identity = { database: settings.databaseName, application: `polling ${settings.nodeName} start` }
  try {
    const missing = await missingMigrations(readable, { ...identity, ...settings.service }, files)
    if ('problem' in missing) return missing
    if (missing.length === 0) return undefined
    const names = missing.map(({ version, name }) => `${version} (${name})`).join(', ')
    return { awaited: `the schema on database ${readable.name}`, reason: `it lacks migration ${names}` }
  } catch (error) {
    return { awaited: `database ${readable.name} to answer`, reason: causeText(error) }
  }
}
