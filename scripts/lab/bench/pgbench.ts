import { attempt, failure } from '../docker/command.ts'
import { ask } from '../postgres/sql.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'

/** Number of clients, from the target. */
const CLIENTS = 32

/** What pgbench counted. */
export type PgbenchFigures = { readonly perSecond: number; readonly transactions: number; readonly failed: number }

// The columns, defaults, checks and indexes of `vote`, without its trigger and foreign key: they are costs of our service.
const TABLE = 'drop table if exists bench_vote; create table bench_vote (like vote including all);'

/** Makes the table that pgbench fills. */
export const preparePgbench = async (lab: Lab, database: DatabaseNode): Promise<void> =>
  void (await ask(lab, database, TABLE, 60))

/**
 * Inserts votes for that many seconds, each in a transaction of its own, from inside the node, which is the fastest way.
 * `round` makes its voters different from those of other rounds.
 */
export async function pgbench(
  database: DatabaseNode,
  { poll, keys, round, seconds }: { poll: string; keys: boolean; round: string; seconds: number },
): Promise<PgbenchFigures> {
  const voter = `'${round}.' || :client_id::text || '.' || :n::text`
  const script = `
    \\set n :n + 1
    insert into bench_vote (poll_id, user_id, option, idempotency_key)
    values ('${poll}', ${voter}, 2, ${keys ? voter : 'null'});`
  const options = ['-n', '-M', 'prepared', '-c', String(CLIENTS), '-j', '2', '-T', String(seconds), '-D', 'n=0']
  const command = ['exec', '-i', database.container, 'pgbench', ...options, '-f', '-', 'polling']
  const done = await attempt(command, script)
  const figures = pgbenchFigures(done.stdout)
  if (done.exit !== 0 || figures === undefined) throw failure(command, done)
  return figures
}

/** Reads the output of pgbench; undefined if it is no result. */
export function pgbenchFigures(output: string): PgbenchFigures | undefined {
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN)
  // PostgreSQL 13 has one line of tps with connecting and one without, and counts no failures.
  const perSecond = number(
    /^tps = ([\d.]+) \((?:without initial connection time|excluding connections establishing)\)/m,
  )
  const transactions = number(/^number of transactions actually processed: (\d+)/m)
  const failed = number(/^number of failed transactions: (\d+)/m)
  if (Number.isNaN(perSecond) || Number.isNaN(transactions)) return undefined
  return { perSecond, transactions, failed: Number.isNaN(failed) ? 0 : failed }
}
