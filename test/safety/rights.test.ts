import { test } from 'tap'
import type { Secret } from '../../scripts/lab/topology/topology.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, lab, sql } from '../the-lab.ts'
import { codeOf, type Login, login } from './roles.ts'

const POLL = '11111111-2222-3333-4444-555555555555'
const FORBIDDEN = '42501'

const service: Login = { role: 'service' }
const owner: Login = { role: 'owner' }
const monitor: Login = { role: 'monitor' }
const replicator: Login = { role: 'replicator', database: 'postgres' }

/** What each role needs, and what it must not; every statement in a transaction that is rolled back. */
const RIGHTS: readonly { who: Login; may: readonly string[]; mayNot: readonly string[] }[] = [
  {
    who: service,
    may: [
      `insert into poll (id, question, options, idempotency_key) values (gen_random_uuid(), '?', '{a,b}', 'k')`,
      `insert into vote (poll_id, user_id, option, idempotency_key) values ('${POLL}', 'eve', 1, 'k')`,
      'select * from poll, vote, tally, schema_migration limit 1',
      `select * from lock_polls(array['${POLL}'::uuid])`,
      `select * from close_poll('${POLL}')`,
      'select * from node_position()',
      'select * from timeline_history(1)',
    ],
    mayNot: [
      'update vote set option = 2',
      "update vote set user_id = 'bob'",
      'delete from vote',
      'truncate vote',
      `insert into vote (poll_id, user_id, option, cast_at) values ('${POLL}', 'eve', 1, '2001-01-01')`,
      'update poll set closed_at = null',
      "update poll set options = '{a,z}'",
      'delete from poll',
      'truncate poll cascade',
      `insert into poll (id, question, options, closed_at) values (gen_random_uuid(), '?', '{a,b}', now())`,
      'select * from poll for update',
      'select * from vote for share',
      'update tally set votes = 100',
      `insert into tally (poll_id, option, lane, votes) values ('${POLL}', 1, 99, 100)`,
      'delete from tally',
      'truncate tally',
      "update schema_migration set sha256 = ''",
      "insert into schema_migration (version, name, sha256) values (9, '', '')",
      'delete from schema_migration',
      'truncate schema_migration',
      'lock table vote in access exclusive mode',
      'alter table vote disable trigger all',
      'drop function count_votes() cascade',
      'alter function lock_polls(uuid[]) security invoker',
      'create function mine() returns int language sql as $$select 1$$',
      'select count_votes()',
    ],
  },
  {
    who: monitor,
    may: [
      'select * from poll, vote, tally, schema_migration limit 1',
      'select * from pg_stat_replication',
      'select * from pg_stat_activity where query is not null',
      'select pg_is_in_recovery(), pg_current_wal_lsn()',
      'select * from pg_ls_waldir() limit 1',
    ],
    mayNot: [
      `insert into vote (poll_id, user_id, option) values ('${POLL}', 'eve', 1)`,
      'update vote set option = 2',
      'delete from vote',
      'delete from schema_migration',
      `select * from lock_polls(array['${POLL}'::uuid])`,
      `select * from close_poll('${POLL}')`,
      'select * from poll for share',
      'lock table poll in share mode',
      'select * from timeline_history(1)',
      'select pg_reload_conf()',
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'service'",
      "select pg_create_physical_replication_slot('mine')",
    ],
  },
  {
    who: replicator,
    may: [
      "select pg_read_binary_file('PG_VERSION')",
      "select pg_stat_file('global/pg_control', true)",
      "select pg_ls_dir('pg_wal', true, false)",
      'select pg_is_in_recovery()',
    ],
    mayNot: ["select pg_read_binary_file('/run/secrets/monitor')", "select pg_read_file('postgresql.conf')"],
  },
  {
    who: owner,
    may: ['update vote set option = 2', 'create table mine ()', 'alter table vote add column mine int'],
    mayNot: ["alter role service set statement_timeout = '0'", 'set session_replication_role = replica'],
  },
]

/** Of no role that comes over the network. */
const NOBODY = [
  'create temporary table mine ()',
  'create schema mine',
  'create table public.mine ()',
  'create database mine',
  'create role mine',
  'create extension file_fdw schema public',
  'set role postgres',
  "alter system set fsync = 'off'",
  "copy (select 1) to program 'true'",
  "copy (select 1) to '/tmp/mine'",
  'select pg_switch_wal()',
  'select lo_create(0)',
  'select lo_creat(-1)',
  "select lo_from_bytea(0, 'mine')",
  "select lo_import('/etc/passwd')",
  "select pg_logical_emit_message(false, 'mine', 'fills the disk')",
  'select pg_advisory_lock(1)',
  'select pg_try_advisory_xact_lock_shared(1, 2)',
  'select rolpassword from pg_authid',
  "select pg_read_file('/etc/passwd')",
]

/**
 * Except: the owner makes what it likes in its own database, and its functions take advisory locks; before 14, pg_rewind
 * makes a temporary table on its source.
 */
const EXCEPT: Partial<Record<Secret, RegExp>> = {
  owner: /create temporary|create schema|create table public|advisory/,
  ...(lab.settings.postgres === '13' ? { replicator: /create temporary/ } : {}),
}

for (const { who, may, mayNot } of RIGHTS) {
  test(`${who.role} can do what it is for, and nothing else`, async (t) => {
    const session = await login(who)
    t.teardown(() => session.end())
    await sql(
      'db-primary',
      `insert into poll (id, question, options) values ('${POLL}', 'Whose?', '{a,b}') on conflict do nothing`,
    )
    t.teardown(() =>
      sql(
        'db-primary',
        `delete from vote where poll_id = '${POLL}'; delete from tally where poll_id = '${POLL}'; delete from poll where id = '${POLL}'`,
      ),
    )
    const tried = async (statement: string) => {
      // In no transaction; what they fail with comes first.
      if (/^(create database|alter system)/.test(statement)) return codeOf(session.query(statement))
      await session.query('begin')
      const code = await codeOf(session.query(statement))
      await session.query('rollback')
      return code
    }
    for (const statement of may) t.equal(await tried(statement), 'done', statement)
    const nobody = NOBODY.filter((statement) => !EXCEPT[who.role]?.test(statement))
    for (const statement of [...mayNot, ...nobody]) t.equal(await tried(statement), FORBIDDEN, statement)
  })
}

test('no role comes into a database that it has nothing to do in', async (t) => {
  const elsewhere: readonly Login[] = [
    ...(['service', 'owner', 'monitor'] as const).flatMap((role) => [
      { role, database: 'postgres' },
      { role, database: 'template1' },
      { role, replication: true },
    ]),
    { role: 'replicator', database: 'polling' },
    { role: 'replicator', database: 'template1' },
  ]
  for (const who of elsewhere) {
    const code = await codeOf(login(who).then((session) => session.end()))
    // Refused by pg_hba.conf.
    t.equal(code, '28000', JSON.stringify(who))
  }
})

test('all that a function of the schema does with other rights than its caller is fixed by its own search path', async (t) => {
  const loose = await sql(
    'db-primary',
    `select oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace
     and (prosecdef and proconfig::text not like '%search_path=pg_catalog%pg_temp%'
          or exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0))`,
  )
  t.equal(loose, '', 'functions without a search path, or that everybody may call')
})

test('no role can take all connections: the others are served while it has as many as it gets', async (t) => {
  const greedy: readonly Login[] = [monitor, owner, replicator, { role: 'replicator', replication: true }]
  const it = client(addressOf('loader'))
  t.teardown(() => it.close())
  const { uuid } = await ok(it.createPoll({ poll_questions: 'Room for all?', options: ['yes', 'no'] }))
  const standbys = () => sql('db-primary', "select count(*) from pg_stat_replication where state = 'streaming'")
  for (const who of greedy) {
    const sessions = []
    let refused: string | undefined
    while (refused === undefined && sessions.length < 120) {
      const opened = login(who)
      refused = await codeOf(opened).then((code) => (code === 'done' ? undefined : code))
      if (refused === undefined) sessions.push(await opened)
    }
    t.equal(refused, '53300', `${JSON.stringify(who)} after ${sessions.length}`)
    t.ok(sessions.length <= 20, `${sessions.length} sessions`)
    const userID = `${who.role} ${who.replication}`
    t.match(await it.castVote({ uuid, userID, select_options: 'yes' }), { ok: { status: 'Vote Successfully!' } })
    t.equal(await standbys(), '1', 'the standby streams')
    const another = await codeOf(login(service).then((session) => session.end()))
    t.equal(another, 'done', 'a new session of the service')
    await Promise.all(sessions.map((session) => session.end()))
  }
})
