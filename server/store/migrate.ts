import pg from 'pg'
import { connectionConfig, type Identity } from '../cluster/connection.ts'
import { errorCode } from '../cluster/failures.ts'
import type { DatabaseAddress } from '../settings.ts'
import { type AppliedMigration, type Migration, type MigrationProblem, pendingMigrations } from './migrations.ts'

// Any constant, the same in every version of the program: "poll" in ASCII.
const MIGRATION_LOCK = 0x706f6c6c
const LOCK_TIMEOUT_MS = 30_000
const STATEMENT_TIMEOUT_MS = 60_000
const CONNECT_TIMEOUT_MS = 2000
/** A backstop for a database that stopped answering altogether, milliseconds. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5000

const CREATE_TABLE = `
  create table if not exists schema_migration (
    version    integer primary key,
    name       text not null,
    sha256     text not null,
    applied_at timestamptz not null default now()
  )`
const UNDEFINED_TABLE = '42P01'

/** What the database still lacks, in order. Throws where it cannot be asked. */
export async function missingMigrations(
  address: DatabaseAddress,
  identity: Identity,
  files: Migration[],
): Promise<Migration[] | MigrationProblem> {
  return withClient(address, identity, async (client) => pendingMigrations(files, await appliedMigrations(client)))
}

/**
 * Applies what is missing, as the schema's owner, on the database that takes writes. Safe when several servers do so
 * at once: each migration is one transaction under a lock. Answers what this run applied; throws where the database fails.
 */
export async function migrate(
  address: DatabaseAddress,
  owner: Identity,
  files: Migration[],
): Promise<Migration[] | MigrationProblem> {
  return withClient(address, owner, async (client) => {
    const done: Migration[] = []
    for (;;) {
      const step = await applyNext(client, files)
      if (step === undefined) return done
      if ('problem' in step) return step
      done.push(step)
    }
  })
}

async function applyNext(client: pg.Client, files: Migration[]): Promise<Migration | MigrationProblem | undefined> {
  await client.query('begin')
  // Released by the end of the transaction, whatever happens to this process.
  await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
  await client.query(CREATE_TABLE)
  const pending = pendingMigrations(files, await appliedMigrations(client))
  const next = 'problem' in pending ? undefined : pending[0]
  if (next) {
    await client.query(next.sql)
    await client.query('insert into schema_migration (version, name, sha256) values ($1, $2, $3)', [
      next.version,
      next.name,
      next.sha256,
    ])
  }
  await client.query('commit')
  return 'problem' in pending ? pending : next
}

async function appliedMigrations(client: pg.Client): Promise<AppliedMigration[]> {
  try {
    const applied = await client.query<AppliedMigration>('select version, name, sha256 from schema_migration')
    return applied.rows
  } catch (error) {
    if (errorCode(error) === UNDEFINED_TABLE) return []
    throw error
  }
}

async function withClient<T>(
  address: DatabaseAddress,
  identity: Identity,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    ...connectionConfig(address, identity, STATEMENT_TIMEOUT_MS),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
  })
  // A connection that breaks tells its query; without a listener it would end the process as well.
  client.on('error', () => {})
  try {
    await client.connect()
    return await work(client)
  } finally {
    // Not awaited: a database that does not answer would not say goodbye either.
    void client.end().catch(() => {})
  }
}
