import { type Call, endCall, endedBeforeSending, makeCall } from './call.ts'
import { type Failure, fail, isFailure, type Result } from './errors.ts'

/** The outcomes of some items, in order, and the consistency token of their transaction if it wrote. */
export type Outcomes<Outcome> = { outcomes: (Outcome | Failure)[]; token?: string | undefined }

/** Does what concurrent calls want in few transactions. An item is a vote, or a poll whose results are wanted. */
export type Groups<Item, Outcome> = {
  /** Does all items of one call in the same transaction. It begins after this call. */
  take(items: Item[], call: Call): Promise<Result<Outcomes<Outcome>>>
  /** Items that wait for their transaction to begin. */
  waiting(): number
}

export type GroupWork<Item, Outcome> = {
  /** One transaction; a write resolves when it is durable. */
  transaction(items: Item[], call: Call): Promise<Result<Outcomes<Outcome>>>
  /** The failure of a call that ended while its transaction went on. */
  endedMeanwhile(call: Call): Failure
}

export type GroupLimits = {
  /** The most items in one transaction; those of one call are never split. */
  groupSize: number
  /** The most transactions at the same time. */
  inFlight: number
  /** Milliseconds that the next transaction waits for the one before: meanwhile items gather. */
  holdBackMs: number
  /** The most items that may wait. */
  queue: number
}

/**
 * Groups for that work. If no transaction is in progress, an item is sent in the same turn of the event loop. Others gather
 * until that transaction is done. If it takes long, because it waits for a lock or a distant standby, they do not wait.
 */
export function makeGroups<Item, Outcome>(work: GroupWork<Item, Outcome>, limits: GroupLimits): Groups<Item, Outcome> {
  type Entry = { items: Item[]; call: Call; resolve: (result: Result<Outcomes<Outcome>>) => void }
  // A Set keeps the order of arrival and lets a call that ends early leave from the middle.
  const entries = new Set<Entry>()
  let itemsWaiting = 0
  let groupsInFlight = 0
  let holdingBack = 0
  let scheduled = false

  const mayBegin = () => entries.size > 0 && holdingBack === 0 && groupsInFlight < limits.inFlight

  function take(items: Item[], call: Call): Promise<Result<Outcomes<Outcome>>> {
    if (call.ended) return Promise.resolve(endedBeforeSending(call))
    if (itemsWaiting + items.length > limits.queue) {
      return Promise.resolve(fail('QUEUE_FULL', `${itemsWaiting} items are waiting already`))
    }
    return new Promise((resolve) => {
      const entry = { items, call, resolve }
      entries.add(entry)
      itemsWaiting += items.length
      call.abort = () => {
        leave(entry)
        resolve(endedBeforeSending(call))
      }
      schedule()
    })
  }

  function leave(entry: Entry): void {
    entries.delete(entry)
    itemsWaiting -= entry.items.length
  }

  // Not at once: calls that arrived together are passed on one by one.
  function schedule(): void {
    if (scheduled || !mayBegin()) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      if (mayBegin()) void run(nextGroup())
    })
  }

  function nextGroup(): Entry[] {
    const group: Entry[] = []
    let count = 0
    for (const entry of entries) {
      count += entry.items.length
      if (count > limits.groupSize && group.length > 0) break
      group.push(entry)
      leave(entry)
    }
    return group
  }

  async function run(group: Entry[]): Promise<void> {
    groupsInFlight += 1
    const letOthersBegin = holdBack()
    const shared = makeCall(Math.max(...group.map(({ call }) => call.deadline)))
    let open = group.length
    for (const { call, resolve } of group) {
      call.abort = () => {
        // These items are in the group's statement, whether it was sent already or not.
        resolve(work.endedMeanwhile(call))
        open -= 1
        // The transaction goes on for the calls that still wait. When no call waits any more, it is cancelled.
        if (open === 0) endCall(shared, call.ended ?? 'deadline')
      }
    }
    const items = group.flatMap((entry) => entry.items)
    const result = await work
      .transaction(items, shared)
      .catch((error: unknown) => fail('INTERNAL', 'internal error', error))
    groupsInFlight -= 1
    deal(group, result)
    letOthersBegin()
  }

  function holdBack(): () => void {
    holdingBack += 1
    let holding = true
    const letGo = () => {
      clearTimeout(timer)
      if (holding) holdingBack -= 1
      holding = false
      schedule()
    }
    const timer = setTimeout(letGo, limits.holdBackMs)
    return letGo
  }

  /** Gives each call of a group the outcomes of its own items. */
  function deal(group: Entry[], result: Result<Outcomes<Outcome>>): void {
    let from = 0
    for (const { items, call, resolve } of group) {
      const to = from + items.length
      call.abort = undefined
      if (isFailure(result)) resolve(result)
      else resolve({ value: { outcomes: result.value.outcomes.slice(from, to), token: result.value.token } })
      from = to
    }
  }

  return { take, waiting: () => itemsWaiting }
}
