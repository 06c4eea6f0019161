import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'

const FOLDER = join(import.meta.dirname, '../../../provisioning/postgres')
const conf = await readFile(join(FOLDER, 'postgresql.conf'), 'utf8')
const roles = await readFile(join(FOLDER, 'roles.sql'), 'utf8')

const setting = (name: string): number => Number(new RegExp(`^${name} = (\\d+)`, 'm').exec(conf)?.[1] ?? Number.NaN)
const limits: Record<string, number> = Object.fromEntries(
  [...roles.matchAll(/^alter role (\w+) connection limit (\d+);/gm)].map(([, role, limit]) => [role, Number(limit)]),
)

/** PostgreSQL's own default of superuser_reserved_connections. */
const RESERVED = 3
/** psql inside a database's container: what verbs keep open and ask at the same time, and a learner's own. */
const SUPERUSER = 8
/** Of a server: its pool, its probe, and the look at the schema. */
const SERVER = 10 + 1 + 1

test('if all roles take as many connections as they may, each of them still gets some', async (t) => {
  t.strictSame(Object.keys(limits).sort(), ['monitor', 'owner', 'replicator', 'service'])
  const all = Object.values(limits).reduce((sum, limit) => sum + limit, 0)
  t.ok(all + SUPERUSER + RESERVED <= setting('max_connections'), `${all} of ${setting('max_connections')}`)
})

test('the servers may have twice the connections that they use: lost ones take a moment to be closed', async (t) => {
  t.ok((limits['service'] ?? 0) >= 2 * 2 * SERVER)
})

test('the standbys cannot take all that streams; three, a copy of one, and the sessions that move slots fit', async (t) => {
  const replicator = limits['replicator'] ?? 0
  t.ok(replicator < setting('max_wal_senders'))
  t.ok(replicator >= 3 + 2 + 3)
})

test('docs/security.md says the same limits', async (t) => {
  const page = await readFile(join(FOLDER, '../../docs/security.md'), 'utf8')
  const said = Object.fromEntries(
    [...page.matchAll(/^\| `(\w+)` \|.*\| (\d+) \|$/gm)].map(([, role, limit]) => [role, Number(limit)]),
  )
  t.strictSame(said, limits)
})
