import { randomUUID } from 'node:crypto'
import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { patience, sql } from '../the-lab.ts'

test('a row written on the primary is read on the standby', async (t) => {
  const id = randomUUID()
  await sql('db-primary', `insert into poll (id, question, options) values ('${id}', 'Replicated?', '{yes,no}')`)
  const question = await until('the row on the standby', { seconds: 5, patience }, async () => {
    const found = await sql('db-replica', `select question from poll where id = '${id}'`)
    return found === '' ? { seen: 'no row' } : { done: found }
  })
  t.equal(question, 'Replicated?')
})

test('the standby refuses writes', async (t) => {
  await t.rejects(sql('db-replica', 'delete from vote'), /read-only transaction/)
})

test('it streams over its own physical slot, as a role that can do nothing else', async (t) => {
  t.equal(
    await sql('db-primary', 'select slot_name, slot_type, active, wal_status from pg_replication_slots'),
    'db_replica|physical|t|reserved',
  )
  t.equal(
    await sql('db-primary', 'select usename, application_name, state from pg_stat_replication'),
    'replicator|db-replica|streaming',
  )
  t.equal(
    await sql(
      'db-primary',
      "select rolreplication, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls from pg_roles where rolname = 'replicator'",
    ),
    't|f|f|f|f',
  )
})

for (const name of ['db-primary', 'db-replica'] as const) {
  test(`${name} has checksums, hint-bit logging and scram passwords`, async (t) => {
    const settings = await sql(
      name,
      "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name in ('data_checksums', 'wal_log_hints', 'password_encryption', 'full_page_writes', 'fsync')",
    )
    t.equal(
      settings,
      'data_checksums=on fsync=on full_page_writes=on password_encryption=scram-sha-256 wal_log_hints=on',
    )
    const roles = await sql(
      name,
      "select rolname from pg_authid where rolcanlogin and rolpassword like 'SCRAM-SHA-256$%' order by 1",
    )
    t.equal(roles, 'monitor\nowner\nreplicator\nservice')
  })
}
