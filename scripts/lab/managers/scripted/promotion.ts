import { LabError, labError } from '../../errors.ts'
import type { Backlog, Report } from '../../postgres/replay.ts'
import { type Promotion, promotionIn, WHERE_PARTED } from '../parting.ts'
import { backlogOf, backlogPhrase, endReports, type Way } from './replay.ts'

/** Seconds, before `patience`, that a promotion may go without progress. */
const SECONDS = 60
/** After this many looks, 2 ms apart, a promotion counts as slow: then we ask what it waits for. */
const LOOKS = 125
/** Seconds between two messages about its progress. */
const NEWS_SECONDS = 2

/**
 * Promotes a node, then runs what a primary needs (`after`), and confirms that the node is out of recovery. A standby first
 * replays all that it has received: meanwhile this tells the progress, and ends backends that block replay. Without any
 * progress it gives up.
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
      way.say(`first ${node.name} replays what it has received: ${backlogPhrase(backlog)}`)
      told = now
    }
    for (const report of await endReports(way, backlog)) ended.set(report.pid, report)
    answer = await way
      .ask(...AWAIT_PROMOTION, ...after, WHERE_PARTED)
      .catch((error: unknown) => cancelled(error, RECOVERING))
  }
  return { ...promotionIn(answer), ended: [...ended.values()] }
}

/** A question to a standby has a snapshot for an instant, so replay may cancel it: then it is asked again. */
function cancelled<T>(error: unknown, instead: T): T {
  if (error instanceof LabError && /conflict with recovery/.test(`${error.message}${error.details}`)) return instead
  throw error
}

/** The answer of a database that is in recovery. */
const RECOVERING = 't'
const UNKNOWN: Backlog = { inRecovery: true, received: null, replayed: null, reports: [] }

const isRecovering = (answer: string): boolean => answer.startsWith(RECOVERING)

// Each look is a transaction of its own: a long one would have a snapshot that replay may have to wait for.
// If replay cancels a look, nothing is lost.
const AWAIT_PROMOTION: readonly string[] = [
  '\\set ON_ERROR_STOP off',
  `do $$ begin
     for look in 1 .. ${LOOKS} loop exit when not pg_is_in_recovery(); perform pg_sleep(0.002); commit; end loop;
   end $$`,
  '\\set ON_ERROR_STOP on',
]

/** Promotes a standby. pg_promote() itself would check only every tenth of a second whether it is done. */
export const PROMOTE: readonly string[] = ['select pg_promote(false)', ...AWAIT_PROMOTION]
