import { LabError, labError } from '../../errors.ts'
import type { Backlog, Report } from '../../postgres/replay.ts'
import { backlogOf, backlogPhrase, endReports, type Way } from './replay.ts'

/** The timeline that a primary writes, the one that it came from, and where that ended. */
export type Promotion = { readonly timeline: number; readonly parent: number; readonly parted: string }

/** Seconds without any progress that a promotion may take, before `patience`. */
const SECONDS = 60
/** Looks, 2 ms apart, after which a promotion takes long, and somebody asks what it waits for. */
const LOOKS = 125
/** Seconds between two words on how far it is. */
const NEWS_SECONDS = 2

/**
 * Runs what makes a node the primary, and what it needs as one `after`, and confirms that it is out of recovery. First a
 * standby replays all that it has received: it says how far that is, and ends those that hold it up. Without any progress
 * it gives up.
 */
export async function promote(
  way: Way,
  statements: readonly string[],
  after: readonly string[],
): Promise<Promotion & { readonly ended: readonly Report[] }> {
  const ended = new Map<number, Report>()
  let answer = await way
    .change(...statements, ...after, WHERE_PARTED)
    .catch((error: unknown) => cancelled(error, RECOVERING))
  let backlog: Backlog | undefined
  let replayed: string | null = null
  let progress = performance.now()
  let told = performance.now()
  while (isRecovering(answer)) {
    backlog = await backlogOf(way).catch((error: unknown) => cancelled(error, backlog ?? UNKNOWN))
    const now = performance.now()
    if (backlog.replayed !== replayed) {
      replayed = backlog.replayed
      progress = now
    }
    const { node, patience } = way
    if (now - progress > SECONDS * 1000 * patience)
      throw labError('NOT_PROMOTED', { node: node.name, container: node.container, seen: backlogPhrase(backlog) })
    if (backlog.inRecovery && now - told > NEWS_SECONDS * 1000) {
      way.say(`${node.name} replays first what it has received: ${backlogPhrase(backlog)}`)
      told = now
    }
    for (const report of await endReports(way, backlog)) ended.set(report.pid, report)
    answer = await way
      .ask(...AWAIT_PROMOTION, ...after, WHERE_PARTED)
      .catch((error: unknown) => cancelled(error, RECOVERING))
  }
  return { ...promotionIn(answer), ended: [...ended.values()] }
}

/** What is asked while a standby replays has a snapshot for an instant, and may be cancelled for it: it is asked again. */
function cancelled<T>(error: unknown, instead: T): T {
  if (error instanceof LabError && /conflict with recovery/.test(`${error.message}${error.details}`)) return instead
  throw error
}

/** The answer of a database that is in recovery. */
const RECOVERING = 't'
const UNKNOWN: Backlog = { inRecovery: true, received: null, replayed: null, reports: [] }

const isRecovering = (answer: string): boolean => answer.startsWith(RECOVERING)

function promotionIn(answer: string): Promotion {
  const [, timeline, parent, parted] = answer.split('|')
  if (parted === undefined) throw new Error(`not a promotion: ${answer}`)
  return { timeline: Number(timeline), parent: Number(parent), parted }
}

// Each look is a transaction of its own: one that lasted would have a snapshot, which replay may have to wait for.
// Replay that waits no longer, or not at all, cancels it, and nothing is lost by that.
const AWAIT_PROMOTION: readonly string[] = [
  '\\set ON_ERROR_STOP off',
  `do $$ begin
     for look in 1 .. ${LOOKS} loop exit when not pg_is_in_recovery(); perform pg_sleep(0.002); commit; end loop;
   end $$`,
  '\\set ON_ERROR_STOP on',
]

/** Promotes a standby; pg_promote() itself would look only every tenth of a second whether it is done. */
export const PROMOTE: readonly string[] = ['select pg_promote(false)', ...AWAIT_PROMOTION]

// The history file of a timeline says where the one before it ended. Positions of WAL that is written can be asked for
// only out of recovery.
const WHERE_PARTED = `
  select recovering, tli, before.timeline, before.ended_at
  from (select pg_is_in_recovery() as recovering) as it
    left join lateral (select ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int as tli
      where not recovering) as now on true
    left join lateral (select * from timeline_history(tli) order by timeline desc limit 1) as before on not recovering`
