import { LabError, labError } from '../../errors.ts'
import { bytesOf } from '../../lsn.ts'
import { ASK_BACKLOG, type Backlog, backlogIn, type Report } from '../../postgres/replay.ts'
import type { Session } from '../../postgres/session.ts'
import { changeOver } from '../../postgres/session.ts'
import { ask, change, scriptOf } from '../../postgres/sql.ts'
import type { Tell } from '../../steps.ts'
import type { DatabaseNode, Lab } from '../../topology/topology.ts'
import { until } from '../../wait.ts'

/** How a standby that is to be promoted is asked, and changed. */
export type Way = {
  readonly node: DatabaseNode
  readonly patience: number
  /** Runs SQL that nobody needs to be shown; the last line is the answer. */
  readonly ask: (...statements: readonly string[]) => Promise<string>
  /** Runs SQL, and shows it. */
  readonly change: (...statements: readonly string[]) => Promise<string>
  /** Says what is seen meanwhile. */
  readonly say: Tell
}

/** Seconds that one answer may take, before `patience`. */
const ANSWER_SECONDS = 60
/** Seconds that replay has to catch up before anything is changed, before `patience`. */
const CATCH_UP_SECONDS = 5
/** A transaction that is younger, in seconds, is about to end by itself: such are the reads of the servers. */
const SHORT_SECONDS = 1

const lastLine = (printed: string): string => printed.split('\n').at(-1) ?? ''

/** Over a session that is open already. */
export function wayOver(tell: Tell, say: Tell, session: Session, lab: Lab, node: DatabaseNode): Way {
  const { patience } = lab.settings
  const seconds = ANSWER_SECONDS * patience
  const byCommand = wayBy(tell, say, lab, node)
  return {
    node,
    patience,
    say,
    ask: async (...statements) =>
      // A statement that was cancelled has ended the session.
      session.over() === undefined
        ? lastLine(await session.run(scriptOf(statements), seconds))
        : byCommand.ask(...statements),
    change: (...statements) => changeOver(tell, session, node, seconds, ...statements),
  }
}

/** By a command for each question. */
export const wayBy = (tell: Tell, say: Tell, lab: Lab, node: DatabaseNode): Way => ({
  node,
  patience: lab.settings.patience,
  say,
  ask: async (...statements) => lastLine(await ask(lab, node, scriptOf(statements), ANSWER_SECONDS)),
  change: (...statements) => change(tell, node, ...statements),
})

export const backlogOf = async (way: Way): Promise<Backlog> => backlogIn(await way.ask(ASK_BACKLOG))

/** A backend that holds up replay, in one phrase. */
export const reportPhrase = ({ pid, role, seconds, state, query }: Report): string =>
  `pid ${pid} (${role}, ${state}, its transaction ${Math.round(seconds)} s old): ${query}`

/** What a standby has still to do before it can be a primary. */
export function backlogPhrase({ received, replayed, reports }: Pick<Backlog, 'received' | 'replayed' | 'reports'>) {
  const gap = received === null || replayed === null ? 0n : bytesOf(received) - bytesOf(replayed)
  const todo = `it has replayed up to ${replayed ?? 'nobody knows where'}, and has ${gap} bytes to go`
  return reports.length === 0 ? todo : `replay waits for ${reports.map(reportPhrase).join('; ')}. ${todo}`
}

/** Ends those that replay waits for, but for what ends by itself in a moment; gives those that it ended. */
export async function endReports(way: Way, { reports }: Pick<Backlog, 'reports'>): Promise<readonly Report[]> {
  const long = reports.filter(({ seconds }) => seconds >= SHORT_SECONDS)
  if (long.length === 0) return []
  for (const report of long) way.say(`replay on ${way.node.name} waits for ${reportPhrase(report)}; it is ended`)
  await way.change(...long.map(({ pid }) => `select pg_terminate_backend(${pid})`))
  return long
}

/**
 * Sees before anything is changed that nobody holds up replay: who does is ended, or gets a moment to end by himself;
 * else a `REPORT_STAYS` or `REPLAY_HELD` error names them. With a `target`, an LSN, replay has to get there too. Gives
 * those that it ended.
 */
export async function freeReplay(
  way: Way,
  { ends, target }: { readonly ends: boolean; readonly target: string | undefined },
): Promise<readonly Report[]> {
  const ended = new Map<number, Report>()
  let last = ''
  const wait = { seconds: CATCH_UP_SECONDS, patience: way.patience }
  await until(`replay on ${way.node.name} to go on`, wait, async () => {
    const backlog = await backlogOf(way)
    if (!backlog.inRecovery) return { done: undefined }
    const there = target === undefined || bytesOf(backlog.replayed ?? '0/0') >= bytesOf(target)
    if (backlog.reports.length === 0 && there) return { done: undefined }
    last = backlogPhrase(backlog)
    if (ends) for (const report of await endReports(way, backlog)) ended.set(report.pid, report)
    return { seen: last }
  }).catch((error: unknown) => {
    if (!(error instanceof LabError && error.code === 'TIMEOUT')) throw error
    const facts = { node: way.node.name, seconds: wait.seconds * wait.patience, seen: last }
    throw ends ? labError('REPORT_STAYS', { ...facts, container: way.node.container }) : labError('REPLAY_HELD', facts)
  })
  return [...ended.values()]
}
