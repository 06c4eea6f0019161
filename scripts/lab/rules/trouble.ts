import { bytes, many } from '../numbers.ts'
import type { Facts } from '../postgres/observe.ts'
import type { Report } from '../postgres/replay.ts'
import type { DatabaseNode } from '../topology/topology.ts'
import { commitsHang } from './durability.ts'
import type { Trouble } from './hindrance.ts'

/** Seconds. A younger transaction ends by itself soon: the reads of the servers are such. */
export const SHORT_SECONDS = 1

/** A backend that blocks replay, in one phrase. */
export const reportPhrase = ({ pid, role, seconds, state, query }: Report): string =>
  `pid ${pid} (${role}, ${state}, its transaction ${Math.round(seconds)} s old): ${query}`

const MIB = 2 ** 20

/** Free bytes on a data volume. */
export const ROOM = {
  /** Below this status warns: WAL may take as much between two checkpoints (max_wal_size). */
  low: 512 * MIB,
  /** One segment of WAL: with less, PostgreSQL cannot make the next one, and ends. */
  none: 16 * MIB,
} as const

const FREE_SPACE = 'free space (docker system df shows what the engine uses): no vote has to be deleted'

/** Why a database that answers cannot write, or undefined. */
function lackOfRoom({ container }: DatabaseNode, { room }: Facts): Trouble | undefined {
  if (room === undefined) return undefined
  if (room.readOnly)
    return byHand(
      'the file system of its data is read-only',
      `see why (dmesg), mount it writable again, then docker restart ${container}`,
    )
  if (room.availableBytes < ROOM.none)
    return byHand(`the disk of its data is full (${bytes(room.availableBytes)} left)`, FREE_SPACE)
  return undefined
}

/** Whether every new session of the servers is refused. Their open sessions work until they are closed. */
function lackOfSessions(node: DatabaseNode, facts: Facts): Trouble | undefined {
  const { sessions, sessionHolders } = facts
  if (sessions.used < sessions.limit) return undefined
  const holders = sessionHolders.map(({ who, count }) => `${who} (${count})`).join(', ')
  return byHand(
    `no other session of the servers gets in: ${sessions.used} are open of at most ${sessions.limit}, most of them by ${holders}`,
    `end the clients that use them, or all idle sessions: ${psql(node, END_IDLE)}`,
  )
}

const byHand = (says: string, fix: string): Trouble => ({ says, fix, passes: false })
const passing = (says: string, fix: string): Trouble => ({ says, fix, passes: true })

/** What will run out soon. */
export function warningOf({ room, archiver }: Facts): string | null {
  if (archiver?.failsSince != null)
    return `archiving fails, and nothing has arrived since ${archiver.failsSince}: ${many(archiver.waiting, 'segment waits', 'segments wait')}, and its disk fills; zx scripts/backup.ts check says more`
  if (room !== undefined && room.availableBytes < ROOM.low)
    return `only ${bytes(room.availableBytes)} are left on the disk of its data: ${FREE_SPACE}`
  return null
}

/**
 * Why no vote can be cast on a primary that answers.
 * @param refused how the service answered a test vote; undefined if it took the vote or was not asked
 */
export function primaryTrouble(node: DatabaseNode, facts: Facts, refused: string | undefined): Trouble | undefined {
  const lack = lackOfRoom(node, facts) ?? lackOfSessions(node, facts)
  if (lack !== undefined) return lack
  if (facts.readOnly)
    return byHand(
      'it takes no writes: default_transaction_read_only is on',
      takesBack(node, facts, 'default_transaction_read_only'),
    )
  if (refused === undefined)
    return commitsHang(facts)
      ? passing('commits hang: they wait for a standby that is not there', 'zx scripts/replication.ts says more')
      : undefined
  return passing(`no vote can be cast: ${refused}`, 'zx scripts/setup.ts')
}

const END_IDLE =
  "select pg_terminate_backend(pid) from pg_stat_activity where state like 'idle%' and usename <> 'service'"

const psql = ({ container }: DatabaseNode, ...statements: readonly string[]): string =>
  `docker exec ${container} psql -d polling ${statements.map((it) => `-c "${it}"`).join(' ')}`

const takesBack = (node: DatabaseNode, { undo }: Facts, setting: string): string => psql(node, ...(undo[setting] ?? []))

/**
 * Seconds that replay may wait for a report before its standby counts as unhealthy. A call without a deadline of its own
 * gets 10 s. If replay waits longer, such a call ends before this standby shows it its own write.
 */
export const HELD_SECONDS = 10

/** The reports that replay waits for, and since when; undefined if it does not wait, or only for a moment. */
function replayHeld({ container, name }: DatabaseNode, own: Facts, primary: Facts | undefined) {
  const reports = own.replayWaitsFor.filter(({ seconds }) => seconds >= SHORT_SECONDS)
  const [first] = reports
  if (first === undefined) return undefined
  // The primary measures how long replay has lagged. A report can be the reason only as long as it has existed.
  const lag = primary?.standbys.find((standby) => standby.name === name)?.replayLagSeconds ?? own.replayAgeSeconds ?? 0
  const since = Math.min(lag, Math.max(...reports.map(({ seconds }) => seconds)))
  const ends = reports.map(({ pid }) => `-c "select pg_terminate_backend(${pid})"`).join(' ')
  return {
    since,
    says: `replay has waited for ${Math.round(since)} s, for ${reports.map(reportPhrase).join('; ')}`,
    fix: `wait until that has ended, or end it: docker exec ${container} psql -d polling ${ends}`,
  }
}

/** Why a standby that follows does not show the primary's latest data. */
export function standbyTrouble(node: DatabaseNode, facts: Facts, primary: Facts | undefined): Trouble | undefined {
  const lack = lackOfRoom(node, facts) ?? lackOfSessions(node, facts)
  if (lack !== undefined) return lack
  if (facts.replayPaused) return passing('replay is paused', 'zx scripts/fault.ts heal replay-pause')
  if (facts.delayedSeconds > 0)
    return byHand(
      `it waits ${facts.delayedSeconds} s before it replays each commit (recovery_min_apply_delay)`,
      takesBack(node, facts, 'recovery_min_apply_delay'),
    )
  const held = replayHeld(node, facts, primary)
  return held !== undefined && held.since > HELD_SECONDS ? byHand(held.says, held.fix) : undefined
}

/** What may soon keep a standby from showing what the primary has. */
export function standbyWarning(node: DatabaseNode, facts: Facts, primary: Facts | undefined): string | null {
  const held = replayHeld(node, facts, primary)
  return held === undefined ? warningOf(facts) : `${held.says}; ${held.fix}`
}
