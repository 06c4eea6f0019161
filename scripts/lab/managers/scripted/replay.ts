import { LabError, labError } from '../../errors.ts'
import { bytesOf } from '../../lsn.ts'
import { ASK_BACKLOG, type Backlog, backlogIn, type Report } from '../../postgres/replay.ts'
import type { Session } from '../../postgres/session.ts'
import { changeOver } from '../../postgres/session.ts'
import { ask, change, scriptOf } from '../../postgres/sql.ts'
import { reportPhrase, SHORT_SECONDS } from '../../rules/trouble.ts'
import type { Tell } from '../../steps.ts'
import type { DatabaseNode, Lab } from '../../topology/topology.ts'
import { until } from '../../wait.ts'

/** How to ask and to change a standby that is to be promoted. */
export type Way = {
  readonly node: DatabaseNode
  readonly patience: number
  /** Runs SQL that is not shown to the user; the last line is the answer. */
  readonly ask: (...statements: readonly string[]) => Promise<string>
  /** Runs SQL and shows it to the user. */
  readonly change: (...statements: readonly string[]) => Promise<string>
  /** Tells the user what is seen meanwhile. */
  readonly say: Tell
}

/** Seconds that one answer may take, before `patience`. */
const ANSWER_SECONDS = 60
/** Seconds, before `patience`, that replay has to catch up before anything is changed. */
const CATCH_UP_SECONDS = 5

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
      // A cancelled statement has ended the session.
      session.over() === undefined
        ? lastLine(await session.run(scriptOf(statements), seconds))
        : byCommand.ask(...statements),
    change: (...statements) => changeOver(tell, session, node, seconds, ...statements),
  }
}

/** With a command of its own for each question. */
export const wayBy = (tell: Tell, say: Tell, lab: Lab, node: DatabaseNode): Way => ({
  node,
  patience: lab.settings.patience,
  say,
  ask: async (...statements) => lastLine(await ask(lab, node, scriptOf(statements), ANSWER_SECONDS)),
  change: (...statements) => change(tell, node, ...statements),
})

export const backlogOf = async (way: Way): Promise<Backlog> => backlogIn(await way.ask(ASK_BACKLOG))

/** What a standby still has to replay before it can be a primary. */
export function backlogPhrase({ received, replayed, reports }: Pick<Backlog, 'received' | 'replayed' | 'reports'>) {
  const gap = received === null || replayed === null ? 0n : bytesOf(received) - bytesOf(replayed)
  const todo = `it has replayed up to ${replayed ?? 'an unknown position'}, and ${gap} bytes are left`
  return reports.length === 0 ? todo : `replay waits for ${reports.map(reportPhrase).join('; ')}. ${todo}`
}

/** Ends the backends that replay waits for, except those that end by themselves soon. Gives those that it ended. */
export async function endReports(way: Way, { reports }: Pick<Backlog, 'reports'>): Promise<readonly Report[]> {
  const long = reports.filter(({ seconds }) => seconds >= SHORT_SECONDS)
  if (long.length === 0) return []
  for (const report of long)
    way.say(`replay on ${way.node.name} waits for ${reportPhrase(report)}; this report is ended`)
  await way.change(...long.map(({ pid }) => `select pg_terminate_backend(${pid})`))
  return long
}

/**
 * Checks, before anything is changed, that no backend blocks replay. A backend that does is ended, or gets a moment to end
 * by itself; if it stays, a `REPORT_STAYS` or `REPLAY_HELD` error names it. With a `target`, an LSN, replay has to reach it
 * too. Gives the backends that were ended.
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
