import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { healthOf } from '../../scripts/lab/service/health.ts'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, failureOf, patience, sql, verb } from '../the-lab.ts'

const DROP_ALL = `do $$ declare it regclass; begin
  for it in select oid::regclass from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
  loop execute 'drop table ' || it || ' cascade'; end loop;
end $$`

const FOLDER = join(import.meta.dirname, '../../server/store/migrations')
const UUID = '6f4a07f2-ff37-4a5b-b039-9517e9ba0b61'

const servers = ['primary', 'backup'] as const
const shipped = (await readdir(FOLDER)).map((file) => file.replace('.sql', '')).sort()

/** Leaves the lab as setup makes it, whatever the test did to the schema. */
const setUpAfter = (t: Test): void =>
  t.teardown(async () => {
    const ran = await verb('setup')
    if (ran.exit !== 0) throw new Error(failureOf(ran))
  })

async function untilBothServe(): Promise<void> {
  for (const name of servers) {
    await until(`${name} to serve`, { seconds: 30, patience }, async () => {
      const seen = await healthOf(addressOf(name), 2 * patience)
      return seen === 'SERVING' ? { done: undefined } : { seen }
    })
  }
}

async function assertServes(t: Test): Promise<void> {
  const it = client(addressOf('backup'))
  const { uuid } = await ok(it.createPoll({ poll_questions: 'Migrated?', options: ['yes', 'no'] }))
  t.match(await it.castVote({ uuid, userID: 'ann', select_options: 'yes' }), { ok: { status: 'Vote Successfully!' } })
  it.close()
}

/** The schema as the first of these migrations left it, applied as the version of that time did. */
async function applyFirst(count: number): Promise<void> {
  await sql(
    'db-primary',
    `set role owner;
     create table schema_migration (version integer primary key, name text not null, sha256 text not null,
                                    applied_at timestamptz not null default now())`,
  )
  for (const words of shipped.slice(0, count)) {
    const text = await readFile(join(FOLDER, `${words}.sql`), 'utf8')
    const sha256 = createHash('sha256').update(text).digest('hex')
    await sql(
      'db-primary',
      `set role owner; ${text};
       insert into schema_migration (version, name, sha256) values (${Number(words.slice(0, 3))}, '${words.slice(4)}', '${sha256}')`,
    )
  }
}

const migrate = () => docker('exec', containerOf('db-primary'), 'bash', '/usr/local/bin/migrate')

test('a database that two bring up to date at once gets each migration once, and servers that wait for it serve', async (t) => {
  setUpAfter(t)
  for (let round = 1; round <= 3; round++) {
    await docker('kill', ...servers.map(containerOf))
    await sql('db-primary', DROP_ALL)
    const since = new Date().toISOString()
    await docker('start', ...servers.map(containerOf))
    for (const name of servers)
      await until(`${name} to wait for the schema`, { seconds: 30, patience }, async () => {
        const seen = await docker('logs', '--since', since, containerOf(name))
        return /waiting for the schema on .*/.test(seen) ? { done: undefined } : { seen }
      })
    const applied = (await Promise.all([migrate(), migrate()])).join('\n').split('\n').filter(Boolean)
    t.strictSame(
      applied,
      shipped.map((words) => `applied migration ${words}`),
    )
    await untilBothServe()
    await assertServes(t)
  }
})

test('votes that are older than the table of tallies are in the results', async (t) => {
  setUpAfter(t)
  await docker('kill', ...servers.map(containerOf))
  await sql('db-primary', DROP_ALL)
  await applyFirst(1)
  await sql(
    'db-primary',
    `set role owner;
     insert into poll (id, question, options) values ('${UUID}', 'Before?', array['a', 'b', 'c']);
     insert into vote (poll_id, user_id, option) select '${UUID}', 'user ' || n, 1 + n % 2 from generate_series(1, 101) n;`,
  )
  const ran = await verb('setup')
  t.equal(ran.exit, 0, failureOf(ran))
  t.match(ran.stderr, /applied migration 002-keys-and-tallies/)
  const it = client(addressOf('primary'))
  t.teardown(it.close)
  t.match(await it.results(UUID), { ok: { results: { a: 50, b: 51, c: 0 } } })
  t.match(await it.castVote({ uuid: UUID, userID: 'user 1', select_options: 'a' }), {
    ok: { status: 'duplicate_vote' },
  })
  t.match(await it.castVote({ uuid: UUID, userID: 'ann', select_options: 'c' }), {
    ok: { status: 'Vote Successfully!' },
  })
  t.match(await it.results(UUID), { ok: { results: { a: 50, b: 51, c: 1 } } })
})

// What roles.sql gave before it was run again at every change: data of then has these rights, and lacks what came later.
const RIGHTS_BEFORE = `
  drop function if exists count_votes() cascade;
  comment on database polling is null;
  alter role service connection limit -1; alter role owner connection limit -1;
  alter role monitor connection limit -1; alter role replicator connection limit -1;
  grant connect, temporary on database postgres, template1 to public;
  grant execute on function pg_try_advisory_xact_lock(int, int), lo_create(oid) to public;
  drop function timeline_history(integer);
  alter default privileges for role owner in schema public grant select, insert, update, delete on tables to service;
  alter default privileges for role owner in schema public grant usage on sequences to service;
  alter default privileges for role owner grant execute on functions to public`

/** All rights of all roles on the database and what is in it, and how many connections they get. */
const RIGHTS = `
  select 'role', rolname, rolconnlimit::text, rolconfig::text from pg_roles where rolname !~ '^pg_'
  union all select 'database', datname, datacl::text, '' from pg_database
  union all select 'table', relname, relacl::text, relkind::text from pg_class where relnamespace = 'public'::regnamespace
  union all select 'column', attrelid::regclass || '.' || attname, attacl::text, ''
    from pg_attribute where attacl is not null and attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
  union all select 'function', oid::regprocedure::text, proacl::text, proconfig::text || prosecdef
    from pg_proc where pronamespace = 'public'::regnamespace or proname ~ 'advisory|^lo_|logical_emit'
  union all select 'default', defaclrole::regrole || ' ' || defaclobjtype::text, defaclacl::text, defaclnamespace::regnamespace::text
    from pg_default_acl
  order by 1, 2, 3`

test('data of an older version gets the present rights, keeps its votes, and takes new ones', async (t) => {
  setUpAfter(t)
  const rights = await sql('db-primary', RIGHTS)
  await docker('kill', ...servers.map(containerOf))
  await sql('db-primary', DROP_ALL)
  await sql('db-primary', RIGHTS_BEFORE)
  await applyFirst(2)
  await sql(
    'db-primary',
    `set role service;
     insert into poll (id, question, options) values ('${UUID}', 'Whose?', array['a', 'b']);
     insert into vote (poll_id, user_id, option) values ('${UUID}', 'ann', 1), ('${UUID}', 'bob', 1);
     update vote set option = 2 where user_id = 'bob'`,
  )
  t.not(await sql('db-primary', RIGHTS), rights)
  const ran = await verb('setup')
  t.equal(ran.exit, 0, failureOf(ran))
  t.equal(await sql('db-primary', RIGHTS), rights, 'as on data that begins now')
  await t.rejects(sql('db-primary', "set role service; update vote set option = 1 where user_id = 'bob'"), /denied/)
  const it = client(addressOf('backup'))
  t.teardown(it.close)
  t.match(await it.castVote({ uuid: UUID, userID: 'bob', select_options: 'a' }), { ok: { status: 'duplicate_vote' } })
  const voted = await it.castVote({ uuid: UUID, userID: 'eve', select_options: 'b' })
  t.match(voted, { ok: { status: 'Vote Successfully!' }, token: String })
  // The backup reads from the standby, which may be behind.
  const sent = 'token' in voted ? { token: voted.token } : {}
  t.match(await it.results(UUID, sent), { ok: { results: { a: 1, b: 2 } } })
  t.match(await it.closePoll(UUID), { ok: { status: 'close' } })
})

test('a migration whose file was changed after it was applied stops setup, which says so', async (t) => {
  setUpAfter(t)
  const change = (sha256: string) =>
    sql('db-primary', `update schema_migration set sha256 = ${sha256} where version = 2`)
  t.teardown(() => change('reverse(sha256)'))
  await change('reverse(sha256)')
  const ran = await verb('setup')
  t.equal(ran.exit, 1)
  t.match(
    ran.stderr,
    /MIGRATION_FAILED: .*\n.*002-keys-and-tallies was applied from a file that has been changed since/,
  )
})

test('a standby refuses to be brought up to date: what it has comes from the primary', async (t) => {
  const refused = docker('exec', containerOf('db-replica'), 'bash', '/usr/local/bin/migrate')
  await t.rejects(refused, /read-only transaction/)
})

test('if nobody says which migrations were applied, none is applied', async (t) => {
  const container = containerOf('db-primary')
  const inPostgres = (statement: string) =>
    docker('exec', container, 'psql', '-XAtq', '-d', 'postgres', '-c', statement)
  t.teardown(() => inPostgres('alter database polling allow_connections true'))
  await inPostgres('alter database polling allow_connections false')
  const said = await docker('exec', container, 'bash', '-c', 'bash /usr/local/bin/migrate 2>&1; echo "exit $?"')
  t.match(said, /exit 2$/, 'as psql ends without a connection')
  t.equal(said.split('not currently accepting connections').length - 1, 1, said)
})
