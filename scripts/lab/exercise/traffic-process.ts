// The guests: traffic.ts starts them in a process of its own.
import { setMaxListeners } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { clockFrom } from '../experiment/clock.ts'
import { openLines } from '../experiment/lines.ts'
import { loadClient } from '../experiment/load/client.ts'
import type { Call } from '../experiment/record.ts'
import { ENDING } from '../interruption.ts'

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

async function guest(id: number): Promise<void> {
  const client = loadClient(order.address, order.patience, ending.signal)
  for (let nth = 1; !ending.signal.aborted; nth++) {
    const user = `guest-${id}-${nth}`
    const option = order.options[nth % order.options.length] ?? ''
    const start = clock.now()
    const told = await client.vote(order.poll, user, option, `${order.poll} ${user}`)
    // A call that ends with this process says nothing about the service.
    if (ending.signal.aborted) break
    const common = { kind: 'vote', client: id, poll: order.poll, start, end: clock.now() } as const
    lines.append({ ...common, ...told, user, option, expected: null, seen: null })
    // The lab has been reset: these guests are no longer invited.
    if (told.answer === 'Poll Not Found') end()
    await pause(REST_MS, undefined, { signal: ending.signal }).catch(() => {})
  }
  client.close()
}

await Promise.all(Array.from({ length: GUESTS }, (_, id) => guest(id)))
clearTimeout(limit)
await lines.close()
door.close()
