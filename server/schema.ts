import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ClusterView } from './cluster/view.ts'
import { causeText } from './errors.ts'
import type { Log } from './log.ts'
import type { DatabaseAddress, Settings } from './settings.ts'
import { migrate, missingMigrations } from './store/migrate.ts'
import { type Migration, type MigrationProblem, readMigrations } from './store/migrations.ts'

const MIGRATIONS_FOLDER = fileURLToPath(new URL('./store/migrations', import.meta.url))
const LOOK_AGAIN_MS = 100
const TELL_EVERY_MS = 5000

/**
 * Waits until the database that reads come from has the schema, and puts it on the writable one where it is missing.
 * Without a limit of time, since databases may come up much later; it logs what it waits for, and obeys `signal`.
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
  while (!signal.aborted) {
    const step = await oneStep(settings, view, log, files)
    if (step === undefined || 'problem' in step) return step
    if (performance.now() - told >= TELL_EVERY_MS) {
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

/** Undefined once the schema is there to be read. */
async function oneStep(
  settings: Settings,
  view: ClusterView,
  log: Log,
  files: Migration[],
): Promise<Waiting | MigrationProblem | undefined> {
  const readable = addressOf(settings, view.readable())
  if (!readable) return { awaited: 'a database that answers', reason: view.reason() }
  const application = `polling ${settings.nodeName} start`
  const identity = { database: settings.databaseName, application }
  try {
    const missing = await missingMigrations(readable, { ...identity, ...settings.service }, files)
    if ('problem' in missing || missing.length === 0) return 'problem' in missing ? missing : undefined
  } catch (error) {
    return { awaited: `database ${readable.name} to answer`, reason: causeText(error) }
  }
  const writable = addressOf(settings, view.writable())
  if (!writable) return { awaited: 'a database that takes writes, to create the schema', reason: view.reason() }
  try {
    const applied = await migrate(writable, { ...identity, ...settings.owner }, files)
    if ('problem' in applied) return applied
    for (const { version, name } of applied) log.info({ database: writable.name, version, name }, 'migration applied')
  } catch (error) {
    return { awaited: `database ${writable.name} to take the schema`, reason: causeText(error) }
  }
  if (writable.name === readable.name) return undefined
  return { awaited: `database ${readable.name} to replay the schema`, reason: `it is on ${writable.name}` }
}

function addressOf(settings: Settings, name: string | undefined): DatabaseAddress | undefined {
  return settings.databases.find((address) => address.name === name)
}
