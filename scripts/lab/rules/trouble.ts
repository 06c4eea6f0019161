import { bytes } from '../numbers.ts'
import type { Facts } from '../postgres/observe.ts'
import type { DatabaseNode } from '../topology/topology.ts'
import { commitsHang } from './durability.ts'
import type { Trouble } from './hindrance.ts'

const MIB = 2 ** 20

/** Bytes of room on a data volume. */
export const ROOM = {
  /** As much as WAL may take between two checkpoints (max_wal_size): from here on it is said. */
  low: 512 * MIB,
  /** One segment of WAL: with less, the next one cannot be made, and PostgreSQL ends. */
  none: 16 * MIB,
} as const

const FREE_SPACE = 'free space (docker system df shows what the engine holds): no vote has to be deleted'

/** Why a database that answers takes no data, or undefined. */
function lackOfRoom({ container }: DatabaseNode, { room }: Facts): Trouble | undefined {
  if (room === undefined) return undefined
  if (room.readOnly)
    return byHand(
      'the file system that its data is on is read-only',
      `see why (dmesg), mount it writable again, then docker restart ${container}`,
    )
  if (room.availableBytes < ROOM.none)
    return byHand(`the disk that its data is on is full (${bytes(room.availableBytes)} left)`, FREE_SPACE)
  return undefined
}

const byHand = (says: string, fix: string): Trouble => ({ says, fix, passes: false })
const passing = (says: string, fix: string): Trouble => ({ says, fix, passes: true })

/** What will be short soon. */
export function warningOf(facts: Facts): string | null {
  const { room, sessions } = facts
  if (room !== undefined && room.availableBytes < ROOM.low)
    return `only ${bytes(room.availableBytes)} are left on the disk that its data is on: ${FREE_SPACE}`
  if (sessions.used >= sessions.limit) return takenUp(facts)
  return null
}

const takenUp = ({ sessions, sessionHolders }: Facts): string =>
  `${sessions.used} sessions are open and ${sessions.limit} get in, most of ${sessionHolders
    .map(({ who, count }) => `${who} (${count})`)
    .join(', ')}`

/**
 * Why no vote can be cast on a primary that answers.
 * @param refused how the service answered a vote that leaves nothing behind; undefined where it took it or was not asked
 */
export function primaryTrouble(node: DatabaseNode, facts: Facts, refused: string | undefined): Trouble | undefined {
  const room = lackOfRoom(node, facts)
  if (room !== undefined) return room
  if (facts.readOnly)
    return byHand(
      'it takes no writes: default_transaction_read_only is on',
      reset(node, 'default_transaction_read_only'),
    )
  if (refused === undefined)
    return commitsHang(facts)
      ? passing('commits hang: the standby that they wait for is not there', 'zx scripts/replication.ts says more')
      : undefined
  if (facts.sessions.used >= facts.sessions.limit)
    return byHand(
      `no vote can be cast: ${takenUp(facts)}`,
      `end what holds them, or all that are idle: ${psql(node, END_IDLE)}`,
    )
  return passing(`no vote can be cast: ${refused}`, 'zx scripts/setup.ts')
}

const END_IDLE =
  "select pg_terminate_backend(pid) from pg_stat_activity where state like 'idle%' and usename <> 'service'"

const psql = ({ container }: DatabaseNode, ...statements: readonly string[]): string =>
  `docker exec ${container} psql -d polling ${statements.map((it) => `-c "${it}"`).join(' ')}`

const reset = (node: DatabaseNode, setting: string): string =>
  psql(node, `alter system reset ${setting}`, 'select pg_reload_conf()')

/** Why a standby that follows does not show what the primary has. */
export function standbyTrouble(node: DatabaseNode, facts: Facts): Trouble | undefined {
  const room = lackOfRoom(node, facts)
  if (room !== undefined) return room
  if (facts.replayPaused) return passing('replay is paused', 'zx scripts/fault.ts heal replay-pause')
  if (facts.delayedSeconds > 0)
    return byHand(
      `it replays ${facts.delayedSeconds} s later than it could (recovery_min_apply_delay)`,
      reset(node, 'recovery_min_apply_delay'),
    )
  return undefined
}
