// The load runs in a thread of its own, so that the commands of the process that started it do not disturb it.
import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { openLines } from '../../lines.ts'
import { newPoll, reader, voter, type Work } from './callers.ts'
import { loadClient } from './client.ts'
import { type Call, clockFrom } from './history.ts'
import type { LoadCommand, LoadNews, LoadOrder } from './load.ts'

/** After this many calls the load ends: the history has to fit into memory when it is judged. */
const MOST_CALLS = 400_000
/** Milliseconds, before `patience`, that calls in progress get at the end. */
const LAST_ANSWERS_MS = 2000

const order = workerData as LoadOrder
const tell = (news: LoadNews) => parentPort?.postMessage(news)

const ending = new AbortController()
const cancelling = new AbortController()
// Each caller listens.
setMaxListeners(0, ending.signal, cancelling.signal)
const history = openLines<Call>(order.file)
const clock = clockFrom(order.origin)
let calls = 0
let cut: string | null = null
let awaited = Number.POSITIVE_INFINITY

function end(why: string | null): void {
  if (ending.signal.aborted) return
  cut = why
  ending.abort()
}

function record(call: Call): void {
  history.append(call)
  calls += 1
  if (calls >= MOST_CALLS) end(`it made ${MOST_CALLS} calls, the most that are allowed`)
  if (call.kind === 'vote' && call.outcome === 'ok' && call.start >= awaited) {
    awaited = Number.POSITIVE_INFINITY
    tell({ kind: 'acknowledged', at: call.end })
  }
}

const works = Array.from(
  { length: order.voters + order.readers },
  (_, id): Work => ({
    id,
    client: loadClient(order.address, order.patience, cancelling.signal),
    clock,
    record,
    ending: ending.signal,
  }),
)
const voters = works.slice(0, order.voters)
const readers = works.slice(order.voters)

/** All polls exist before the first vote. */
async function begin(): Promise<readonly Promise<void>[]> {
  const [first] = works
  const common = first && (await newPoll(first))
  const own = await Promise.all(readers.map(newPoll))
  tell({ kind: 'begun' })
  return [
    ...voters.flatMap((work) => (common === undefined ? [] : voter(work, common))),
    ...readers.flatMap((work, nth) => {
      const poll = own[nth]
      return poll === undefined ? [] : reader(work, poll)
    }),
  ]
}

parentPort?.on('message', (command: LoadCommand) => {
  if (command.kind === 'stop') end(null)
  else awaited = command.after
})
const limit = setTimeout(() => end(`it lasted ${order.seconds} s`), order.seconds * 1000)
ending.signal.addEventListener('abort', async () => {
  clearTimeout(limit)
  await pause(LAST_ANSWERS_MS * order.patience, undefined, { ref: false })
  cancelling.abort()
})

await Promise.all(await begin())
for (const { client } of works) client.close()
await history.close()
tell({ kind: 'ended', calls, cut })
parentPort?.close()
