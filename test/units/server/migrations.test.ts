import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { pendingMigrations, readMigrations } from '../../../server/store/migrations.ts'

const SHIPPED = fileURLToPath(new URL('../../../server/store/migrations', import.meta.url))

function filesOf(folder: string) {
  const files = readMigrations(folder)
  if ('problem' in files) throw new Error(files.problem)
  return files
}

test('the migrations that ship are numbered without gaps and none is empty', async (t) => {
  const files = filesOf(SHIPPED)
  t.same(
    files.map(({ version }) => version),
    files.map((_, index) => index + 1),
  )
  for (const { name, sql } of files) t.match(sql, /\S/, name)
})

test('a gap, a repetition or a strange name among the files is said, not skipped', async (t) => {
  const wrong = [
    { '001-a.sql': '', '003-c.sql': '' },
    { '001-a.sql': '', '001-b.sql': '' },
    { '002-b.sql': '' },
    { '1-a.sql': '' },
    { '001-a.sql': '', 'notes.txt': '' },
  ]
  for (const folder of wrong) {
    const problem = readMigrations(t.testdir(folder))
    t.match(problem, { problem: String, fix: String }, Object.keys(folder).join(' '))
  }
})

test('only what is not applied yet is pending, in order', async (t) => {
  const files = filesOf(t.testdir({ '001-a.sql': 'a', '002-b.sql': 'b', '003-c.sql': 'c' }))
  t.same(pendingMigrations(files, []), files)
  t.same(pendingMigrations(files, files.slice(0, 1)), files.slice(1))
  t.same(pendingMigrations(files, files), [])
})

test('a file changed after it was applied is an error that names it', async (t) => {
  const applied = filesOf(t.testdir({ '001-a.sql': 'create table a ()' }))
  const changed = filesOf(t.testdir({ '001-a.sql': 'create table a () ' }))
  t.match(pendingMigrations(changed, applied), { problem: /migration 1 \(a\)/, fix: /new migration/ })
})

test('a schema that a newer server brought further is accepted', async (t) => {
  const newer = filesOf(t.testdir({ '001-a.sql': 'a', '002-b.sql': 'b' }))
  t.same(pendingMigrations(newer.slice(0, 1), newer), [])
})
