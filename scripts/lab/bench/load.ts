import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { interruption } from '../interruption.ts'
import type { Order, Pace, Report, Work } from './work.ts'

/** A load: which work, on which address, and how long. */
export type Load = {
  readonly address: string
  readonly work: Work
  /** For all generators together. */
  readonly pace: Pace
  readonly warmUp: number
  readonly seconds: number
}

/** Load generators. They stay from one load to the next, so that their code stays compiled. */
export type Generators = {
  readonly run: (load: Load) => Promise<Report>
  readonly stop: () => Promise<void>
}

/** Connections of each generator: enough to reach every worker of the balancer. */
const CONNECTIONS = 4
/** Milliseconds until the start, so that every generator has its order by then. */
const HEAD_START_MS = 200
/** Milliseconds. If a generator takes longer than its time, late answers and this, it hangs. */
const PATIENCE_MS = 20_000

/** Starts this many generators, each in a thread. */
export function startGenerators(count: number): Generators {
  const workers = Array.from({ length: count }, () => new Worker(new URL('./generator.ts', import.meta.url)))
  // A generator loads its code first: an order that is sent earlier would start late.
  const ready = Promise.all(workers.map((worker) => once(worker, 'message')))
  ready.catch(() => {})
  let turn = 0
  return {
    async run(load) {
      await ready
      turn += 1
      const startAt = Date.now() + HEAD_START_MS
      const orders = workers.map((_, nth) => orderOf(load, startAt, count, nth, `${turn}.${nth}.`))
      for (const [nth, order] of orders.entries()) workers[nth]?.postMessage(order)
      const limit = HEAD_START_MS + (load.warmUp + load.seconds) * 1000 + PATIENCE_MS
      return sumOf(await atMost(limit, Promise.all(workers.map(reportOf))))
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

/** The share of one generator. */
function orderOf({ work, pace, ...load }: Load, startAt: number, count: number, nth: number, voters: string): Order {
  const ownPace =
    'callers' in pace ? { callers: Math.floor((pace.callers + nth) / count) } : { perSecond: pace.perSecond / count }
  const ownWork = 'voters' in work ? { ...work, voters: `${work.voters}${voters}` } : work
  const connections = 'callers' in ownPace ? Math.min(CONNECTIONS, ownPace.callers) : CONNECTIONS
  return { ...load, work: ownWork, pace: ownPace, connections, startAt }
}

const reportOf = async (worker: Worker): Promise<Report> => (await once(worker, 'message'))[0]

async function atMost<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, interruption.signal])
  const limit = pause(milliseconds, undefined, { signal }).then(() => {
    throw new Error(`a load generator did not end within ${milliseconds} ms`)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    over.abort()
    limit.catch(() => {})
  }
}

function sumOf(reports: readonly Report[]): Report {
  const outcomes: Record<string, number> = {}
  for (const report of reports)
    for (const [outcome, count] of Object.entries(report.outcomes)) outcomes[outcome] = (outcomes[outcome] ?? 0) + count
  return {
    outcomes,
    answers: reports.reduce((sum, { answers }) => sum + answers, 0),
    allAnswers: reports.reduce((sum, { allAnswers }) => sum + allAnswers, 0),
    votes: reports.reduce((sum, { votes }) => sum + votes, 0),
    latencies: Float64Array.from(reports.flatMap(({ latencies }) => [...latencies])),
  }
}
