// A load generator: a thread that carries out one order after the other.
import { parentPort } from 'node:worker_threads'
import { type Attempts, makeAttempts } from './attempts.ts'
import type { Order, Report } from './work.ts'

/** Milliseconds that calls still get when the time is over. */
const LAST_ANSWERS_MS = 10_000
/** With this many calls in progress an open loop starts no more: an overload must not grow without limit. */
const MOST_UNDER_WAY = 5000

type Window = { readonly begin: number; readonly from: number; readonly to: number }

/** Counts of an order in progress. Times are milliseconds of `performance.now()`. */
function makeTally({ from, to }: Window, { size, votes }: Attempts) {
  const outcomes: Record<string, number> = {}
  const latencies: number[] = []
  let answers = 0
  let allAnswers = 0
  const note = (outcome: string, due: number, ended: number) => {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    if (due >= from && due < to) latencies.push(ended - due)
    if (outcome !== 'ok') return
    allAnswers += size
    if (ended >= from && ended < to) answers += size
  }
  const report = (): Report => ({
    outcomes,
    answers,
    allAnswers,
    votes: votes(),
    latencies: Float64Array.from(latencies),
  })
  return { note, report }
}
type Note = ReturnType<typeof makeTally>['note']

/** Callers that call again as soon as they have an answer; resolves when all have their last answer. */
function closedLoop({ attempt }: Attempts, callers: number, { to }: Window, note: Note): Promise<void> {
  return new Promise((resolve) => {
    let active = callers
    const call = () => {
      const begun = performance.now()
      if (begun >= to) {
        active -= 1
        if (active === 0) resolve()
        return
      }
      attempt((outcome) => {
        note(outcome, begun, performance.now())
        call()
      })
    }
    for (let caller = 0; caller < callers; caller++) call()
  })
}

/** Calls that begin at fixed times. A late start counts as part of the call's time. */
function openLoop({ attempt }: Attempts, perSecond: number, { begin, to }: Window, note: Note): Promise<void> {
  return new Promise((resolve) => {
    let due = begin
    let underWay = 0
    const step = 1000 / perSecond
    const ticker = setInterval(() => {
      for (const now = performance.now(); due <= now && due < to; due += step) {
        const begun = due
        if (underWay >= MOST_UNDER_WAY) {
          note('not started: too many calls in progress', begun, now)
          continue
        }
        underWay += 1
        attempt((outcome) => {
          underWay -= 1
          note(outcome, begun, performance.now())
        })
      }
      if (due < to || underWay > 0) return
      clearInterval(ticker)
      resolve()
    }, 1)
  })
}

async function carryOut(order: Order): Promise<Report> {
  const begin = order.startAt - performance.timeOrigin
  const from = begin + order.warmUp * 1000
  const window = { begin, from, to: from + order.seconds * 1000 }
  const attempts = makeAttempts(order, new Date(performance.timeOrigin + window.to + LAST_ANSWERS_MS))
  const tally = makeTally(window, attempts)
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, begin - performance.now())))
  await ('callers' in order.pace
    ? closedLoop(attempts, order.pace.callers, window, tally.note)
    : openLoop(attempts, order.pace.perSecond, window, tally.note))
  await attempts.close()
  return tally.report()
}

parentPort?.on('message', (order: Order) => {
  carryOut(order).then((report) => parentPort?.postMessage(report))
})
parentPort?.postMessage('ready')
