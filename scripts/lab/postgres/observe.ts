import { execIn } from '../docker/exec.ts'
import { BACKUPS_FOLDER } from '../docker/volume.ts'
import { LabError } from '../errors.ts'
import type { AnyDatabase, Lab } from '../topology/topology.ts'
import { ARCHIVER, type Archiver } from './archiver.ts'
import { REPORTS, type Report } from './replay.ts'
import type { Session } from './session.ts'

/** The position of a database in its history. */
export type Position = {
  readonly inRecovery: boolean
  readonly timeline: number | null
  readonly lsn: string | null
  readonly receivedLsn: string | null
  /** The database that it follows as long as it is a standby; null if it follows none. */
  readonly upstream: string | null
}

/** The answer to `OBSERVE`. */
type Answered = Position & {
  readonly receiver: string | null
  readonly replayPaused: boolean
  readonly replayAgeSeconds: number | null
  /** The backends that a standby's replay waits for right now. */
  readonly replayWaitsFor: readonly Report[]
  /** Settings that are lower on a standby than its WAL needs: PostgreSQL pauses replay, and ends if replay is resumed. */
  readonly tooLow: readonly { readonly name: string; readonly here: number; readonly needed: number }[]
  /** Settings that choose its primary and that somebody set by hand. */
  readonly followsByHand: readonly string[]
  /** Settings of a primary that somebody set by hand, and that decide whether a standby gets in at all. */
  readonly admitsByHand: readonly { readonly name: string; readonly value: string }[]
  /** How long a standby waits before it replays a commit: `recovery_min_apply_delay`. */
  readonly delayedSeconds: number
  /** Whether transactions of the servers are read-only by a setting. */
  readonly readOnly: boolean
  /** For a setting that hinders and that somebody has set: the statements that take it back, depending on where it is set. */
  readonly undo: Readonly<Record<string, readonly string[]>>
  readonly slots: readonly {
    readonly name: string
    readonly active: boolean
    readonly retainedBytes: number | null
    /** `lost` if WAL that it should have kept is gone. */
    readonly walStatus: string | null
    /** The `application_name` of the session that uses it. */
    readonly holder: string | null
  }[]
  /** Client sessions without this one, and how many there may be while roles without special rights still get in. */
  readonly sessions: { readonly used: number; readonly limit: number }
  /** The clients with the most sessions. */
  readonly sessionHolders: readonly { readonly who: string; readonly count: number }[]
  readonly standbys: readonly {
    readonly name: string
    readonly state: string
    readonly sync: string
    readonly replayLagSeconds: number | null
  }[]
  readonly synchronousCommit: string
  readonly synchronousStandbys: string
  /** The level that was chosen. It is part of the data, so the next primary has it too. */
  readonly chosenLevel: string | null
  /** Commits that wait for a standby right now. */
  readonly waitingCommits: number
  /** What a primary archives; null if it archives nothing. */
  readonly archiver: Archiver | null
  /** The command that archives, if somebody set it by hand; else null. */
  readonly archivesByHand: string | null
}

/** The free space on the file system of a database's data. */
export type Room = {
  readonly availableBytes: number
  readonly readOnly: boolean
  /** Whether nobody may write into the archive of the repository, though there is one. */
  readonly archiveLocked: boolean
}

/** What a database that answers says about itself; `room` only if its container was asked as well. */
export type Facts = Answered & { readonly room?: Room | undefined }

/** What a database says about itself, or why it does not answer. */
export type Observation = Facts | { readonly unreachable: string }

/** Keeps the chosen durability level in the database itself. */
export const LEVEL_SETTING = 'lab.durability'

// The position of a database; `r` is whether it is in recovery.
// A standby knows the timeline that it receives; if it receives none, its newest WAL file has it. A primary knows the
// timeline that it writes. pg_control_checkpoint() would be old until the next checkpoint, after a promotion as well as on
// a standby.
const POSITION = `
  'inRecovery', r,
  'timeline', case when r then coalesce((select received_tli from pg_stat_wal_receiver),
                (select max(('x' || left(name, 8))::bit(32)::int) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'))
              else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end,
  'lsn', case when r then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
  'receivedLsn', case when r then pg_last_wal_receive_lsn() end,
  'upstream', substring(current_setting('primary_conninfo') from 'host=([^ ]+)')`

/** Asks for no more than a position, so that it may be asked often. */
export const ASK_POSITION = `select json_build_object(${POSITION}) from (select pg_is_in_recovery() as r) as it`

/** The answer to it. */
export const positionIn = (answer: string): Position => JSON.parse(answer)

// Where the control file has what the WAL needs, the same in versions 13 to 17: five numbers, in this order.
const NEEDED = { offset: 180, length: 20 } as const
const TOO_LOW = `
  select json_agg(json_build_object('name', name, 'here', here, 'needed', needed) order by name)
  from (select name, current_setting(name)::int as here, get_byte(file, at) + (get_byte(file, at + 1) << 8)
               + (get_byte(file, at + 2) << 16) + (get_byte(file, at + 3) << 24) as needed
        from pg_read_binary_file('global/pg_control', ${NEEDED.offset}, ${NEEDED.length}) as file,
             (values ('max_connections', 0), ('max_worker_processes', 4), ('max_wal_senders', 8),
                     ('max_prepared_transactions', 12), ('max_locks_per_transaction', 16)) as number (name, at)) as it
  where here < needed`

/** Settings of a primary with which it may admit no standby at all. pg_settings does not say who set `hba_file`. */
export const ADMITTING = [
  'wal_level',
  'max_wal_senders',
  'max_replication_slots',
  'hba_file',
  'listen_addresses',
  'port',
] as const

// ALTER SYSTEM writes into the data, and so does somebody who edits postgresql.conf; the lab's own files are elsewhere. If there
// is a postgresql.base.conf, Patroni has put that in its place, and writes postgresql.conf itself.
const BY_HAND = `sourcefile like current_setting('data_directory') || case
  when (pg_stat_file('postgresql.base.conf', true)).size is null then '/%' else '/postgresql.auto.conf' end`

const READ_ONLY_ROLE = `select from pg_db_role_setting join pg_roles on pg_roles.oid = setrole, unnest(setconfig) as given
  where rolname = 'service' and given in ('default_transaction_read_only=on', 'default_transaction_read_only=true')`

// Of a role or a database a session reads its settings only when it begins. Ours may be read-only too.
const UNDO_OF = (...statements: readonly string[]) =>
  `json_build_array('set default_transaction_read_only = off', ${statements.join(', ')},
     'select pg_terminate_backend(pid) from pg_stat_activity where usename = ''service''')`
const UNDO = `
  select name, case when source = 'database' then ${UNDO_OF("'alter database polling reset ' || name")}
                    when sourcefile like '%/postgresql.auto.conf' then json_build_array('alter system reset ' || name, 'select pg_reload_conf()')
                    else json_build_array('alter system set ' || name || ' = ' || boot_val, 'select pg_reload_conf()') end as undo
  from pg_settings where name in ('default_transaction_read_only', 'recovery_min_apply_delay')
  union all
  select 'default_transaction_read_only', ${UNDO_OF(
    "'alter role service reset default_transaction_read_only'",
    "'alter role service in database polling reset default_transaction_read_only'",
  )}
  where exists (${READ_ONLY_ROLE})`

const OBSERVE = `
select json_build_object(
  ${POSITION},
  'receiver', (select status from pg_stat_wal_receiver),
  'replayPaused', case when r then pg_is_wal_replay_paused() else false end,
  'tooLow', case when r then coalesce((${TOO_LOW}), '[]') else '[]' end,
  'followsByHand', case when r then coalesce((select json_agg(name order by name) from pg_settings
      where name in ('primary_conninfo', 'primary_slot_name') and ${BY_HAND}), '[]') else '[]' end,
  'admitsByHand', case when r then '[]' else coalesce((select json_agg(json_build_object('name', name, 'value', setting) order by name)
      from pg_settings where name in (${ADMITTING.map((name) => `'${name}'`).join(', ')})
      and name in (select name from pg_file_settings where ${BY_HAND})), '[]') end,
  'delayedSeconds', case when r then extract(epoch from current_setting('recovery_min_apply_delay')::interval) else 0 end,
  'readOnly', current_setting('default_transaction_read_only')::boolean or exists (${READ_ONLY_ROLE}),
  'undo', (select json_object_agg(name, undo) from (${UNDO}) as it),
  'replayAgeSeconds', case when r then extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end,
  'replayWaitsFor', case when r then ${REPORTS} else '[]' end,
  'slots', coalesce((select json_agg(json_build_object('name', slot_name, 'active', active, 'retainedBytes',
      pg_wal_lsn_diff(case when r then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn), 'walStatus', wal_status,
      'holder', (select application_name from pg_stat_replication where pid = active_pid)) order by slot_name)
      from pg_replication_slots), '[]'),
  'sessions', (select json_build_object('used', count(*), 'limit', current_setting('max_connections')::int
      - current_setting('superuser_reserved_connections')::int - coalesce(current_setting('reserved_connections', true)::int, 0))
      from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()),
  'sessionHolders', coalesce((select json_agg(json_build_object('who', who, 'count', count)) from (select count(*) as count,
      usename || coalesce(' (' || nullif(application_name, '') || ')', '') as who from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid() group by 2 order by 1 desc, 2 limit 3) as it), '[]'),
  'standbys', coalesce((select json_agg(json_build_object('name', application_name, 'state', state, 'sync', sync_state,
      'replayLagSeconds', extract(epoch from replay_lag)) order by application_name) from pg_stat_replication), '[]'),
  'synchronousCommit', current_setting('synchronous_commit'),
  'synchronousStandbys', current_setting('synchronous_standby_names'),
  'chosenLevel', nullif(current_setting('${LEVEL_SETTING}', true), ''),
  'waitingCommits', (select count(*) from pg_stat_activity where wait_event = 'SyncRep'),
  'archiver', case when r then null else (${ARCHIVER}) end,
  'archivesByHand', (select setting from pg_settings where name = 'archive_command' and ${BY_HAND}))
from (select pg_is_in_recovery() as r) as it`

// The same psql asks the file system too, which saves a second `docker exec`.
const WITH_ROOM = `${OBSERVE};
\\! df --output=avail,iavail -B1 "$PGDATA" | tail -n 1; test -w "$PGDATA" || echo read-only; test -w ${BACKUPS_FOLDER}/archive || test ! -e ${BACKUPS_FOLDER}/archive || echo archive-locked
`

/**
 * Asks a database inside its container, with the free space there: that works whatever is wrong with the network.
 * @param seconds how long to wait for the answer; a frozen database gives none
 */
export async function observe(lab: Lab, node: AnyDatabase, seconds = 3): Promise<Observation> {
  const limit = Math.ceil(seconds * lab.settings.patience)
  const command = ['timeout', String(limit), 'psql', '-XAtq', '-d', 'polling', '-f', '-']
  const asked = await execIn(node.container, command, WITH_ROOM)
  if (asked.exit === 124) return { unreachable: `no answer in ${limit} s` }
  const facts = asked.exit === 0 ? factsIn(asked.stdout) : undefined
  if (facts !== undefined) return facts
  // A line that begins with a tab continues the line before.
  return { unreachable: asked.stderr.split('\n').findLast((line) => !line.startsWith('\t')) || `exit ${asked.exit}` }
}

/** The same over a session that is open already; `room` asks for the free space too. */
export const observeOver = (session: Session, seconds: number, room = false): Promise<Observation> =>
  session.run(room ? WITH_ROOM : OBSERVE, seconds).then(
    (said) => factsIn(said) ?? { unreachable: `it answered ${said}` },
    (error: unknown) => {
      if (error instanceof LabError) return { unreachable: error.message }
      throw error
    },
  )

/** Lines of psql and lines of the command that it runs come in any order. */
function factsIn(said: string): Facts | undefined {
  const lines = said.split('\n')
  const answer = lines.find((line) => line.startsWith('{'))
  if (answer === undefined) return undefined
  const answered: Answered = JSON.parse(answer)
  return { ...answered, room: roomOf(lines.filter((line) => line !== answer)) }
}

/** Bytes that are free for PostgreSQL's user; 0 if no file can be made any more. */
function roomOf(lines: readonly string[]): Room | undefined {
  const [, bytes, files] = /^\s*(\d+)\s+(\d+|-)/m.exec(lines.join('\n')) ?? []
  if (bytes === undefined) return undefined
  const availableBytes = files === '0' ? 0 : Number(bytes)
  return { availableBytes, readOnly: lines.includes('read-only'), archiveLocked: lines.includes('archive-locked') }
}
