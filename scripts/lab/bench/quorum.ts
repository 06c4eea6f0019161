import { type Machine, machine } from '../docker/machine.ts'
import { heal } from '../faults/heal.ts'
import { inject } from '../faults/inject.ts'
import { slow } from '../faults/slow.ts'
import { quantile } from '../numbers.ts'
import { ask } from '../postgres/sql.ts'
import { ASYNC, type Choice, choiceText } from '../rules/durability.ts'
import type { Reporter, Say } from '../steps.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { setLevel } from '../verbs/replication.ts'
import { setup } from '../verbs/setup.ts'
import { until } from '../wait.ts'
import { benchLab } from './lab.ts'
import { type Run, type RunOptions, withRun } from './run.ts'

export type QuorumOptions = RunOptions & {
  /** Callers that each wait for the answer to one vote before they cast the next. */
  readonly callers: number
}

/** The latencies of votes at one choice, in milliseconds: of each round. */
export type QuorumSide = {
  readonly choice: string
  readonly p50: readonly number[]
  readonly p99: readonly number[]
}

export type QuorumFigures = {
  readonly at: string
  readonly machine: Machine
  readonly options: QuorumOptions
  /** The slow standby: the one that a commit waits for first at FIRST 1. */
  readonly slow: string
  /** kbit/s that it can send. */
  readonly rate: number
  readonly sides: readonly QuorumSide[]
  /** All calls, by result: `ok`, or the error. */
  readonly outcomes: Readonly<Record<string, number>>
}

const STANDBYS = 3
/** kbit/s: an acknowledgement of WAL, some hundred bytes, takes longer than a vote usually does. */
const RATE = 64

/** What is compared. At `async` a commit waits for nobody. */
const choicesFor = (preferred: DatabaseNode): readonly Choice[] => [
  ASYNC,
  { level: 'on', rule: { kind: 'first', node: preferred.name } },
  { level: 'on', rule: { kind: 'any', count: 1 } },
  { level: 'on', rule: { kind: 'any', count: 2 } },
]

/** Measures what a commit costs with three standbys, of which one is slow, in a lab of its own. */
export const measureQuorum = (options: QuorumOptions, say: Say, reporter: Reporter): Promise<QuorumFigures> =>
  benchLab(
    false,
    reporter,
    async (lab) => {
      await setup(lab, reporter)
      return withRun(lab, options, (run) => measure(run, options, say, reporter))
    },
    { standbys: STANDBYS },
  )

async function measure(run: Run, options: QuorumOptions, say: Say, reporter: Reporter): Promise<QuorumFigures> {
  const [primary, preferred] = run.lab.databases
  if (primary === undefined || preferred === undefined) throw new Error('a lab without a standby')
  const poll = await run.newPoll()
  const work = { kind: 'vote', poll, voters: 'voter.', keys: false } as const
  const pace = { callers: options.callers }
  say('warming up')
  await run.load({ address: run.balancer, work, pace, seconds: 1 })
  const sides = choicesFor(preferred).map((choice) => ({ choice, p50: [] as number[], p99: [] as number[] }))
  for (let round = 1; round <= options.rounds; round++)
    for (const side of round % 2 === 1 ? sides : sides.toReversed()) {
      say(`round ${round} of ${options.rounds}: ${choiceText(side.choice)}`)
      // A slow standby falls behind while commits do not wait for it: the next measurement would begin with its backlog.
      await heal(run.lab, { kinds: [slow.name], nodes: [] }, reporter)
      await caughtUp(run.lab, primary)
      await setLevel(run.lab, side.choice, false, reporter)
      const wish = { kind: slow, node: preferred.name, peers: [primary.name], options: { rate: RATE } }
      await inject(run.lab, wish, reporter)
      const { latencies } = await run.load({ address: run.balancer, work, pace })
      side.p50.push(quantile(latencies, 0.5))
      side.p99.push(quantile(latencies, 0.99))
    }
  return {
    at: new Date().toISOString(),
    machine: await machine(),
    options,
    slow: preferred.name,
    rate: RATE,
    sides: sides.map(({ choice, ...figures }) => ({ choice: choiceText(choice), ...figures })),
    outcomes: run.account.outcomes,
  }
}

const BEHIND = `select count(*) filter (where state = 'streaming') || ' stream, ' ||
    coalesce(max(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), flush_lsn)), 0) || ' bytes behind' from pg_stat_replication`

const caughtUp = (lab: Lab, primary: DatabaseNode): Promise<void> =>
  until('all standbys to catch up', { seconds: 60, patience: lab.settings.patience }, async () => {
    const seen = await ask(lab, primary, BEHIND)
    return seen === `${STANDBYS} stream, 0 bytes behind` ? { done: undefined } : { seen }
  })
