import { z } from 'zod'
import { attempt } from '../docker/command.ts'
import { LabError } from '../errors.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { REPORTS, Reports } from './replay.ts'
import type { Session } from './session.ts'

/** Where a database stands in its history. */
export const Position = z.object({
  inRecovery: z.boolean(),
  timeline: z.number().nullable(),
  lsn: z.string().nullable(),
  receivedLsn: z.string().nullable(),
})

const Observation = Position.extend({
  receiver: z.string().nullable(),
  replayPaused: z.boolean(),
  replayAgeSeconds: z.number().nullable(),
  /** Whom a standby's replay waits for right now. */
  replayWaitsFor: Reports,
  /** Settings that a standby has lower than its WAL needs: PostgreSQL stops replay by itself, and resuming ends the server. */
  tooLow: z.array(z.object({ name: z.string(), here: z.number(), needed: z.number() })),
  /** Which of the settings that say whom it follows were set by hand. */
  followsByHand: z.array(z.string()),
  /** How much later than it could a standby replays, by `recovery_min_apply_delay`. */
  delayedSeconds: z.number(),
  readOnly: z.boolean(),
  slots: z.array(
    z.object({
      name: z.string(),
      active: z.boolean(),
      retainedBytes: z.number().nullable(),
      /** `lost` where WAL that it should have kept is gone. */
      walStatus: z.string().nullable(),
      /** What calls itself so has it. */
      holder: z.string().nullable(),
    }),
  ),
  /** Sessions of clients, and how many the roles of the lab may open together. */
  sessions: z.object({ used: z.number(), limit: z.number() }),
  /** Who has most of them. */
  sessionHolders: z.array(z.object({ who: z.string(), count: z.number() })),
  standbys: z.array(
    z.object({ name: z.string(), state: z.string(), sync: z.string(), replayLagSeconds: z.number().nullable() }),
  ),
  synchronousCommit: z.string(),
  synchronousStandbys: z.string(),
  /** The level that was asked for; it goes with the data, from one primary to the next. */
  chosenLevel: z.string().nullable(),
  /** Commits that wait for a standby right now. */
  waitingCommits: z.number(),
})

/** What is left for a database on the file system that its data is on. */
export type Room = { readonly availableBytes: number; readonly readOnly: boolean }

/** What a database that answers says about itself; `room` only where its container was asked as well. */
export type Facts = z.infer<typeof Observation> & { readonly room?: Room | undefined }

/** What a database says about itself, or why it says nothing. */
export type Observation = Facts | { readonly unreachable: string }

/** Keeps the chosen durability level in the database itself. */
export const LEVEL_SETTING = 'lab.durability'

// Where a database stands, `r` being whether it is in recovery.
// A standby knows the timeline it receives, or else has received: that of its newest WAL. A primary knows the one it
// writes. pg_control_checkpoint() would be behind until the next checkpoint, after a promotion and on a standby alike.
const POSITION = `
  'inRecovery', r,
  'timeline', case when r then coalesce((select received_tli from pg_stat_wal_receiver),
                (select max(('x' || left(name, 8))::bit(32)::int) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'))
              else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end,
  'lsn', case when r then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
  'receivedLsn', case when r then pg_last_wal_receive_lsn() end`

/** Asks for no more than a `Position`, so that it may be asked often. */
export const ASK_POSITION = `select json_build_object(${POSITION}) from (select pg_is_in_recovery() as r) as it`

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

const OBSERVE = `
select json_build_object(
  ${POSITION},
  'receiver', (select status from pg_stat_wal_receiver),
  'replayPaused', case when r then pg_is_wal_replay_paused() else false end,
  'tooLow', case when r then coalesce((${TOO_LOW}), '[]') else '[]' end,
  'followsByHand', case when r then coalesce((select json_agg(name order by name) from pg_settings
      where name in ('primary_conninfo', 'primary_slot_name') and sourcefile like '%/postgresql.auto.conf'), '[]') else '[]' end,
  'delayedSeconds', case when r then extract(epoch from current_setting('recovery_min_apply_delay')::interval) else 0 end,
  'readOnly', current_setting('default_transaction_read_only')::boolean,
  'replayAgeSeconds', case when r then extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end,
  'replayWaitsFor', case when r then ${REPORTS} else '[]' end,
  'slots', coalesce((select json_agg(json_build_object('name', slot_name, 'active', active, 'retainedBytes',
      pg_wal_lsn_diff(case when r then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn), 'walStatus', wal_status,
      'holder', (select application_name from pg_stat_replication where pid = active_pid)) order by slot_name)
      from pg_replication_slots), '[]'),
  'sessions', (select json_build_object('used', count(*), 'limit', current_setting('max_connections')::int
      - current_setting('superuser_reserved_connections')::int - coalesce(current_setting('reserved_connections', true)::int, 0))
      from pg_stat_activity where backend_type = 'client backend'),
  'sessionHolders', coalesce((select json_agg(json_build_object('who', who, 'count', count)) from (select count(*) as count,
      usename || coalesce(' (' || nullif(application_name, '') || ')', '') as who from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid() group by 2 order by 1 desc, 2 limit 3) as it), '[]'),
  'standbys', coalesce((select json_agg(json_build_object('name', application_name, 'state', state, 'sync', sync_state,
      'replayLagSeconds', extract(epoch from replay_lag)) order by application_name) from pg_stat_replication), '[]'),
  'synchronousCommit', current_setting('synchronous_commit'),
  'synchronousStandbys', current_setting('synchronous_standby_names'),
  'chosenLevel', nullif(current_setting('${LEVEL_SETTING}', true), ''),
  'waitingCommits', (select count(*) from pg_stat_activity where wait_event = 'SyncRep'))
from (select pg_is_in_recovery() as r) as it`

/**
 * Looks into a database from inside its container: that works whatever is wrong with the network.
 * @param seconds after which no answer is the answer; a frozen database gives none
 */
export async function observe(lab: Lab, node: DatabaseNode, seconds = 3): Promise<Observation> {
  const limit = Math.ceil(seconds * lab.settings.patience)
  const asked = await attempt(
    ['exec', '-i', node.container, 'timeout', String(limit), 'psql', '-XAtq', '-d', 'polling', '-f', '-'],
    `${OBSERVE};\n${ROOM}`,
  )
  if (asked.exit === 124) return { unreachable: `no answer in ${limit} s` }
  const lines = asked.stdout.split('\n')
  // What psql prints and what a command prints for it come in either order.
  const said = lines.find((line) => line.startsWith('{'))
  if (asked.exit !== 0 || said === undefined)
    // A line that begins with a tab only goes on with the one before.
    return { unreachable: asked.stderr.split('\n').findLast((line) => !line.startsWith('\t')) || `exit ${asked.exit}` }
  return { ...Observation.parse(JSON.parse(said)), room: roomOf(lines.filter((line) => line !== said)) }
}

// The psql that is there anyway asks the file system too: a look costs no `docker exec` of its own.
const ROOM = '\\! df --output=avail,iavail -B1 "$PGDATA" | tail -n 1; test -w "$PGDATA" || echo read-only\n'

/** Bytes left for PostgreSQL's own user; none where no file can be made any more. */
function roomOf([numbers = '', writable]: readonly string[]): Room | undefined {
  const [, bytes, files] = /^\s*(\d+)\s+(\d+|-)/.exec(numbers) ?? []
  if (bytes === undefined) return undefined
  return { availableBytes: files === '0' ? 0 : Number(bytes), readOnly: writable === 'read-only' }
}

/** The same over a session that is open already. */
export const observeOver = (session: Session, seconds: number): Promise<Observation> =>
  session.run(OBSERVE, seconds).then(
    (answer) => Observation.parse(JSON.parse(answer)),
    (error: unknown) => {
      if (error instanceof LabError) return { unreachable: error.message }
      throw error
    },
  )
