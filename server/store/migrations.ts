import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One numbered SQL file. */
export type Migration = { version: number; name: string; sha256: string; sql: string }

/** A row of schema_migration. */
export type AppliedMigration = { version: number; name: string; sha256: string }

/** What is wrong with the files, or how they differ from the database, and what to do about it. */
export type MigrationProblem = { problem: string; fix: string }

const FILE_NAME = /^(\d{3})-([a-z0-9]+(?:-[a-z0-9]+)*)\.sql$/

/** Reads the SQL files of a folder in order; their numbers must run from 001 without a gap. */
export function readMigrations(folder: string): Migration[] | MigrationProblem {
  const migrations: Migration[] = []
  for (const file of readdirSync(folder).sort()) {
    const [, number, name] = FILE_NAME.exec(file) ?? []
    if (!number || !name) return { problem: `${file} is not named like 001-some-words.sql`, fix: 'Rename it.' }
    const expected = migrations.length + 1
    if (Number(number) !== expected) {
      return {
        problem: `${file} follows number ${expected - 1}, but is not number ${expected}`,
        fix: 'Number the files 001, 002, ... without gaps or repetitions.',
      }
    }
    const sql = readFileSync(join(folder, file), 'utf8')
    migrations.push({ version: expected, name, sha256: createHash('sha256').update(sql).digest('hex'), sql })
  }
  return migrations
}

/** The migrations that are not applied yet, in order, or why they must not be applied. */
export function pendingMigrations(files: Migration[], applied: AppliedMigration[]): Migration[] | MigrationProblem {
  for (const row of applied) {
    const file = files.find(({ version }) => version === row.version)
    // A version beyond ours was applied by a newer server; it has to keep the schema usable for the older one.
    if (file && file.sha256 !== row.sha256) {
      return {
        problem: `migration ${row.version} (${row.name}) was applied from a file that has been changed since`,
        fix: 'Restore the file as it was applied, and put the change into a new migration.',
      }
    }
  }
  const versions = new Set(applied.map(({ version }) => version))
  return files.filter(({ version }) => !versions.has(version))
}
