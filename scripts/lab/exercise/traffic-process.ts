// The guests: traffic.ts starts them in a process of its own.
import { setMaxListeners } from 'node:events'
import { createServer } from 'node:net'
import { ENDING } from '../interruption.ts'
import { openLines } from '../lines.ts'
import { voter } from '../service/load/callers.ts'
import { loadClient } from '../service/load/client.ts'
import { type Call, clockFrom } from '../service/load/history.ts'

/** The order for the process. */
export type TrafficOrder = {
  readonly door: string
  readonly file: string
  readonly address: string
  readonly patience: number
  readonly poll: string
  readonly options: readonly string[]
  /** When the guests leave by themselves. */
  readonly minutes: number
}

const GUESTS = 4
/** Milliseconds from one answer to the guest's next vote. */
const REST_MS = 80

const order = JSON.parse(process.argv[2] ?? '') as TrafficOrder
const ending = new AbortController()
setMaxListeners(0, ending.signal)
const end = () => ending.abort()
const door = createServer((visitor) => {
  visitor.destroy()
  end()
})
// Other guests are still there.
door.on('error', end)
door.listen({ path: order.door })
for (const signal of ENDING) process.on(signal, end)
const limit = setTimeout(end, order.minutes * 60_000)

const lines = openLines<Call>(order.file)
const clock = clockFrom(Date.now())

function record(call: Call): void {
  // A call that ends with this process says nothing about the service.
  if (ending.signal.aborted) return
  lines.append(call)
  // The lab has been reset: these guests are no longer invited.
  if (call.answer === 'Poll Not Found') end()
}

async function guest(id: number): Promise<void> {
  const client = loadClient(order.address, order.patience, ending.signal)
  const manner = { name: 'guest', options: order.options, restMs: REST_MS }
  await voter({ id, client, clock, record, ending: ending.signal }, order.poll, manner)
  client.close()
}

await Promise.all(Array.from({ length: GUESTS }, (_, id) => guest(id)))
clearTimeout(limit)
await lines.close()
door.close()
