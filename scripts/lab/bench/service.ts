import { attempt } from '../docker/command.ts'
import { type Machine, machine } from '../docker/machine.ts'
import { median, quantile } from '../numbers.ts'
import { ask } from '../postgres/sql.ts'
import type { Reporter, Say } from '../steps.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { setup } from '../verbs/setup.ts'
import { until } from '../wait.ts'
import { type Comparison, compare } from './compare.ts'
import { benchLab } from './lab.ts'
import { pgbench, preparePgbench } from './pgbench.ts'
import { type Run, type RunOptions, withRun } from './run.ts'
import { seed } from './seed.ts'

export type ServiceOptions = RunOptions & {
  /** Votes a second of the open loop; undefined for half the rate of the closed loop. */
  readonly rate: number | undefined
  /** Whether every vote carries an idempotency key, and every row of pgbench too. */
  readonly keys: boolean
}

/** Latencies in milliseconds, each from the time when its call should have begun. */
export type OpenLoop = {
  readonly perSecond: number
  readonly calls: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export type ServiceFigures = {
  readonly at: string
  readonly machine: Machine & { readonly postgres: string; readonly nginx: string }
  readonly options: ServiceOptions
  readonly comparisons: readonly Comparison[]
  readonly openLoop: OpenLoop
  /** All calls, by result: `ok`, or the error. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Votes that were acknowledged, that are in the database, and that the results count. */
  readonly votes: { readonly acknowledged: number; readonly stored: number; readonly counted: number }
  /** What went wrong. The figures of a run with errors mean nothing. */
  readonly errors: readonly string[]
}

/** The target ratios of the design. */
const TARGETS = { unary: 0.7, bulk: 2, results: 0.9 }
const CALLERS = [64, 256] as const
/** The numbers of votes in the polls whose results are read. */
const SIZES = [100, 10_000, 1_000_000] as const
const BULK = { batch: 256, underWay: 16 }
const MIXED = { reads: 8, of: 10 }

/** Measures the voting service against its targets, in a lab of its own. `tell` is called with each step. */
export const measureService = (options: ServiceOptions, say: Say, reporter: Reporter): Promise<ServiceFigures> =>
  benchLab(false, reporter, async (lab) => {
    await setup(lab, reporter)
    return withRun(lab, options, (run) => measure(run, options, say))
  })

async function measure(run: Run, options: ServiceOptions, say: Say): Promise<ServiceFigures> {
  const [database] = run.lab.databases
  if (database === undefined) throw new Error('a lab without a database')
  say('warming up')
  const poll = await run.newPoll()
  await warmUp(run, poll)
  const comparisons: Comparison[] = []
  say('unary votes against health checks')
  comparisons.push(...(await unary(run, poll, options)))
  say('votes at a fixed rate')
  const closedLoopRate = median(comparisons[0]?.measured.perSecond ?? [])
  const openLoop = await fixedRate(run, poll, options, options.rate ?? Math.max(1, Math.round(closedLoopRate / 2)))
  say('bulk votes against pgbench')
  comparisons.push(await bulk(run, poll, options, database))
  say(`polls of ${SIZES.join(', ')} votes`)
  const polls = await pollsOfSizes(run, database)
  say('results of these polls')
  comparisons.push(...(await results(run, polls)))
  say('results and votes mixed')
  comparisons.push(await mixed(run, options))
  const { outcomes } = run.account
  const votes = { acknowledged: run.account.votes, ...(await countVotes(run.lab, database)) }
  return {
    at: new Date().toISOString(),
    machine: { ...(await machine()), ...(await versionsOf(run.lab, database)) },
    options,
    comparisons,
    openLoop,
    outcomes,
    votes,
    errors: errorsOf(outcomes, votes),
  }
}

const health = { kind: 'health' } as const
const votesOn = (poll: string, keys: boolean) => ({ kind: 'vote', poll, voters: 'voter.', keys }) as const

// Warm up: code is slow before it is compiled.
async function warmUp({ load, balancer }: Run, poll: string): Promise<void> {
  for (const work of [health, votesOn(poll, true), health, votesOn(poll, false)])
    await load({ address: balancer, work, pace: { callers: 64 }, seconds: 1 })
}

async function unary({ side, inTurn, balancer, addressOf, lab }: Run, poll: string, { keys }: ServiceOptions) {
  const pair = (address: string, callers: number) =>
    inTurn(side('votes', address, votesOn(poll, keys), callers), side('health', address, health, callers))
  const found: Comparison[] = []
  for (const callers of CALLERS)
    found.push(
      compare(`unary votes ÷ health, balancer, ${callers} callers`, await pair(balancer, callers), TARGETS.unary),
    )
  const [server] = lab.servers
  if (server === undefined) return found
  const direct = await pair(addressOf(server), CALLERS[0])
  return [...found, compare(`unary votes ÷ health, one server, ${CALLERS[0]} callers`, direct, null)]
}

async function fixedRate(
  { load, balancer }: Run,
  poll: string,
  { keys }: ServiceOptions,
  perSecond: number,
): Promise<OpenLoop> {
  const { latencies } = await load({ address: balancer, work: votesOn(poll, keys), pace: { perSecond } })
  const at = (share: number) => quantile(latencies, share)
  return { perSecond, calls: latencies.length, p50: at(0.5), p99: at(0.99), max: at(1) }
}

async function bulk(run: Run, poll: string, { keys, seconds }: ServiceOptions, database: DatabaseNode) {
  await preparePgbench(run.lab, database)
  const work = { kind: 'bulk', poll, voters: 'bulk.', keys, batch: BULK.batch } as const
  const series = await run.inTurn(run.side('bulk votes', run.balancer, work, BULK.underWay), {
    name: 'pgbench',
    async measure(round) {
      const { perSecond, transactions, failed } = await pgbench(database, {
        poll,
        keys,
        round: `pgbench.${round}`,
        seconds: Math.ceil(seconds),
      })
      if (failed > 0) run.account.outcomes['pgbench: failed transaction'] = failed
      return { perSecond, done: transactions }
    },
  })
  return compare('bulk votes ÷ pgbench, one row a transaction', series, TARGETS.bulk)
}

async function pollsOfSizes(run: Run, database: DatabaseNode): Promise<readonly string[]> {
  const polls: string[] = []
  for (const votes of SIZES) {
    const poll = await run.newPoll()
    await seed(run.lab, database, poll, votes)
    run.account.votes += votes
    polls.push(poll)
  }
  await settle(run.lab, database)
  return polls
}

async function results({ side, inTurn, balancer }: Run, polls: readonly string[]) {
  const series = await inTurn(
    ...polls.map((poll, nth) => side(`of ${SIZES[nth]}`, balancer, { kind: 'results', poll }, CALLERS[0])),
  )
  return SIZES.flatMap((size, nth) => {
    const [least, it] = [series[0], series[nth]]
    if (nth === 0 || least === undefined || it === undefined) return []
    const target = nth === SIZES.length - 1 ? TARGETS.results : null
    return [compare(`results of ${size} votes ÷ of ${SIZES[0]}, ${CALLERS[0]} callers`, [it, least], target)]
  })
}

async function mixed({ side, inTurn, balancer, newPoll }: Run, { keys }: ServiceOptions) {
  const work = { kind: 'mixed', poll: await newPoll(), voters: 'mixed.', keys, ...MIXED } as const
  const series = await inTurn(side('mixed', balancer, work, CALLERS[0]), side('health', balancer, health, CALLERS[0]))
  return compare(`80 % results, 20 % votes ÷ health, balancer, ${CALLERS[0]} callers`, series, null)
}

/** Does now what the databases would otherwise do with these votes during the next measurement. */
async function settle(lab: Lab, database: DatabaseNode): Promise<void> {
  await ask(lab, database, 'vacuum (analyze) vote; checkpoint', 300)
  const behind = `select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 1) from pg_stat_replication`
  await until('the standby to replay all votes', { seconds: 60, patience: lab.settings.patience }, async () => {
    const bytes = Number(await ask(lab, database, behind))
    return bytes === 0 ? { done: undefined } : { seen: `${bytes} bytes behind` }
  })
}

async function countVotes(lab: Lab, database: DatabaseNode): Promise<{ stored: number; counted: number }> {
  const found = await ask(lab, database, 'select (select count(*) from vote), (select sum(votes) from tally)', 60)
  const [stored, counted] = found.split('|').map(Number)
  return { stored: stored ?? Number.NaN, counted: counted ?? Number.NaN }
}

async function versionsOf(lab: Lab, database: DatabaseNode): Promise<{ postgres: string; nginx: string }> {
  const nginx = await attempt(['exec', lab.loader.container, 'nginx', '-v'])
  return {
    postgres: await ask(lab, database, 'show server_version'),
    nginx: nginx.stderr.replace('nginx version: nginx/', ''),
  }
}

function errorsOf(outcomes: ServiceFigures['outcomes'], votes: ServiceFigures['votes']): readonly string[] {
  const ends = Object.entries(outcomes).filter(([outcome]) => outcome !== 'ok')
  const errors = ends.map(([outcome, count]) => `${count} × ${outcome}`)
  const { acknowledged, stored, counted } = votes
  if (acknowledged === stored && stored === counted) return errors
  return [...errors, `${acknowledged} votes were acknowledged, ${stored} are stored, the results count ${counted}`]
}
