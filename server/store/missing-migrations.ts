import pg from 'pg'
import { connectionConfig, type Identity } from '../cluster/connection.ts'
import { errorCode } from '../cluster/failures.ts'
import type { DatabaseAddress } from '../settings.ts'
import { type AppliedMigration, type Migration, type MigrationProblem, pendingMigrations } from './migrations.ts'

const STATEMENT_TIMEOUT_MS = 5000
const CONNECT_TIMEOUT_MS = 2000
/** A last limit for a database that has stopped answering, milliseconds. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 1000

// There is no table yet, or the servers' role may not read it: then a migration that brings the rights is still missing.
const NOT_YET = new Set(['42P01', '42501'])

/** The migrations that the database still lacks, in order. Throws if it cannot be asked. */
export async function missingMigrations(
  address: DatabaseAddress,
  identity: Identity,
  files: Migration[],
): Promise<Migration[] | MigrationProblem> {
  const client = new pg.Client({
    ...connectionConfig(address, identity, STATEMENT_TIMEOUT_MS),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
  })
  // If a connection breaks, its query fails. Without this listener the process would end too.
  client.on('error', () => {})
  try {
    await client.connect()
    return pendingMigrations(files, await appliedMigrations(client))
  } finally {
    // Not awaited: a database that does not answer never closes the connection.
    void client.end().catch(() => {})
  }
}

async function appliedMigrations(client: pg.Client): Promise<AppliedMigration[]> {
  try {
    const applied = await client.query<AppliedMigration>('select version, name, sha256 from schema_migration')
    return applied.rows
  } catch (error) {
    if (NOT_YET.has(errorCode(error) ?? '')) return []
    throw error
  }
}
