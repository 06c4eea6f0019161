// A load generator: a thread of its own that carries out one order after the other.
import { parentPort } from 'node:worker_threads'
import { type Attempts, makeAttempts } from './attempts.ts'
import type { Order, Report } from './work.ts'

/** How long calls still get when the time is over, milliseconds. */
const LAST_ANSWERS_MS = 10_000
/** Calls under way beyond which an open loop begins no more: an overload must not grow without bound. */
const MOST_UNDER_WAY = 5000

type Window = { readonly begin: number; readonly from: number; readonly to: number }

/** Counts of one order while it is carried out. Times are milliseconds of `performance.now()`. */
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

/** Callers that each call again as soon as they have their answer; resolves when the last has its last. */
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

/** Calls that begin at fixed times; one that begins late is late from then on. */
function openLoop({ attempt }: Attempts, perSecond: number, { begin, to }: Window, note: Note): Promise<void> {
  return new Promise((resolve) => {
    let due = begin
    let underWay = 0
    const step = 1000 / perSecond
    const ticker = setInterval(() => {
      for (const now = performance.now(); due <= now && due < to; due += step) {
        const begun = due
        if (underWay >= MOST_UNDER_WAY) {
          note('not begun: too many calls under way', begun, now)
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
