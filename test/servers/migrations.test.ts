import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { healthOf } from '../../scripts/lab/access/health.ts'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, patience, sql } from '../the-lab.ts'

const DROP_ALL = `do $$ declare it regclass; begin
  for it in select oid::regclass from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
  loop execute 'drop table ' || it || ' cascade'; end loop;
end $$`

const FIRST = join(import.meta.dirname, '../../server/store/migrations/001-polls-and-votes.sql')
const UUID = '6f4a07f2-ff37-4a5b-b039-9517e9ba0b61'

const servers = ['primary', 'backup'] as const

/** The line of each migration that either server ever applied, oldest first. */
async function appliedSoFar(): Promise<readonly string[]> {
  const logs = await Promise.all(servers.map((name) => docker('logs', containerOf(name))))
  const lines = logs.join('\n').split('\n')
  return lines.filter((line) => line.includes('"migration applied"')).sort((a, b) => timeOf(a).localeCompare(timeOf(b)))
}
const timeOf = (line: string): string => JSON.parse(line).time

test('both servers starting on an empty database migrate it once, and both serve', async (t) => {
  t.teardown(() => docker('start', ...servers.map(containerOf)))
  const once = await sql('db-primary', 'select version, name from schema_migration order by version')
  for (let round = 1; round <= 3; round++) {
    await docker('kill', ...servers.map(containerOf))
    await sql('db-primary', DROP_ALL)
    const before = (await appliedSoFar()).length
    await docker('start', ...servers.map(containerOf))
    for (const name of servers) {
      await until(`${name} to serve`, { seconds: 30, patience }, async () => {
        const seen = await healthOf(addressOf(name), 2 * patience)
        return seen === 'SERVING' ? { done: undefined } : { seen }
      })
    }
    t.equal(
      await sql('db-primary', 'select version, name from schema_migration order by version'),
      once,
      `round ${round}`,
    )
    const applied = (await appliedSoFar()).slice(before)
    t.equal(applied.length, once.split('\n').length, `each applied by one of them: ${applied.join('\n')}`)
    const it = client(addressOf('backup'))
    const { uuid } = await ok(it.createPoll({ poll_questions: 'Migrated?', options: ['yes', 'no'] }))
    t.match(await it.castVote({ uuid, userID: 'ann', select_options: 'yes' }), { ok: { status: 'Vote Successfully!' } })
    it.close()
  }
})

test('votes that were cast before the results were kept as numbers are in the results', async (t) => {
  t.teardown(() => docker('start', ...servers.map(containerOf)))
  const first = await readFile(FIRST, 'utf8')
  const sha256 = createHash('sha256').update(first).digest('hex')
  await docker('kill', ...servers.map(containerOf))
  await sql('db-primary', DROP_ALL)
  await sql(
    'db-primary',
    `set role owner;
     ${first};
     create table schema_migration (version integer primary key, name text not null, sha256 text not null,
                                    applied_at timestamptz not null default now());
     insert into schema_migration (version, name, sha256) values (1, 'polls-and-votes', '${sha256}');
     insert into poll (id, question, options) values ('${UUID}', 'Before?', array['a', 'b', 'c']);
     insert into vote (poll_id, user_id, option) select '${UUID}', 'user ' || n, 1 + n % 2 from generate_series(1, 101) n;`,
  )
  await docker('start', ...servers.map(containerOf))
  const it = client(addressOf('primary'))
  t.teardown(it.close)
  const results = await until('the servers to serve', { seconds: 30, patience }, async () => {
    const answer = await it.results(UUID)
    return 'ok' in answer ? { done: answer.ok.results } : { seen: answer.details }
  })
  t.same(results, { a: 50, b: 51, c: 0 })
  t.match(await it.castVote({ uuid: UUID, userID: 'user 1', select_options: 'a' }), {
    ok: { status: 'duplicate_vote' },
  })
  t.match(await it.castVote({ uuid: UUID, userID: 'ann', select_options: 'c' }), {
    ok: { status: 'Vote Successfully!' },
  })
  t.match(await it.results(UUID), { ok: { results: { a: 50, b: 51, c: 1 } } })
})
