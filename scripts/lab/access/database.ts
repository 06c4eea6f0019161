import { z } from 'zod'
import { act, attempt, type Tell, typed } from '../engine/docker.ts'
import { containersOf } from '../engine/nodes.ts'
import { LabError, labError } from '../errors.ts'
import type { DatabaseNode, Lab } from '../topology.ts'
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
  slots: z.array(z.object({ name: z.string(), active: z.boolean(), retainedBytes: z.number().nullable() })),
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

/** What a database that answers says about itself. */
export type Facts = z.infer<typeof Observation>

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

const OBSERVE = `
select json_build_object(
  ${POSITION},
  'receiver', (select status from pg_stat_wal_receiver),
  'replayPaused', case when r then pg_is_wal_replay_paused() else false end,
  'replayAgeSeconds', case when r then extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end,
  'replayWaitsFor', case when r then ${REPORTS} else '[]' end,
  'slots', coalesce((select json_agg(json_build_object('name', slot_name, 'active', active, 'retainedBytes',
      pg_wal_lsn_diff(case when r then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn)) order by slot_name)
      from pg_replication_slots), '[]'),
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
    OBSERVE,
  )
  if (asked.exit === 124) return { unreachable: `no answer in ${limit} s` }
  if (asked.exit !== 0) return { unreachable: asked.stderr.split('\n').at(-1) || `exit ${asked.exit}` }
  return Observation.parse(JSON.parse(asked.stdout))
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

/**
 * Runs SQL that changes something, as the superuser inside a database's container, after telling it; each statement is
 * a transaction of its own. Gives what the last of them printed.
 */
export async function change(tell: Tell, node: DatabaseNode, ...statements: readonly string[]): Promise<string> {
  const printed = await act(tell, commandFor(node, statements))
  return printed.split('\n').at(-1) ?? ''
}

/** The same over a session that is open already; what is told is a command that does it without one. */
export async function changeOver(
  tell: Tell,
  session: Session,
  node: DatabaseNode,
  seconds: number,
  ...statements: readonly string[]
): Promise<string> {
  tell(`docker ${commandFor(node, statements).map(typed).join(' ')}`)
  const printed = await session.run(scriptOf(statements), seconds)
  return printed.split('\n').at(-1) ?? ''
}

/** Statements as psql reads them; commands of its own end with their line. */
export const scriptOf = (statements: readonly string[]): string =>
  statements.map((statement) => (statement.startsWith('\\') ? statement : `${statement};`)).join('\n')

const commandFor = (node: DatabaseNode, statements: readonly string[]): readonly string[] => [
  ...['exec', node.container, ...PSQL],
  ...statements.flatMap((statement) => ['-c', statement.trim().replace(/\s+/g, ' ')]),
]

/** Runs SQL that only looks, as the superuser inside a database's container; gives rows as lines. */
export async function ask(lab: Lab, node: DatabaseNode, query: string, seconds = 10): Promise<string> {
  const limit = Math.ceil(seconds * lab.settings.patience)
  const asked = await attempt(['exec', '-i', node.container, 'timeout', String(limit), ...PSQL, '-f', '-'], query)
  if (asked.exit === 0) return asked.stdout
  const [container] = await containersOf(lab, [node])
  if (container?.state !== 'running')
    throw labError('DATABASE_DOWN', { node: node.name, state: container?.state ?? 'absent' })
  throw labError('DATABASE_SILENT', { node: node.name, problem: asked.stderr || `no answer in ${limit} s` })
}

const PSQL = ['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', 'polling']

/** Bytes of WAL up to an LSN such as `0/3000148`. */
export function bytesOf(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/')
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`)
}

/** A position in the WAL as PostgreSQL writes it. */
export const lsnOf = (bytes: bigint): string =>
  `${(bytes >> 32n).toString(16)}/${(bytes & 0xffffffffn).toString(16)}`.toUpperCase()
