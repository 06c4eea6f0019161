/** Where messages go; `taken` is called once one is on its way, which a slow reader delays. */
export type Outlet<Message> = { write(message: Message, taken: () => void): unknown }

/** Sends one message at a time, and of those that wait only the newest. */
export type LatestOnly<Message> = {
  send(message: Message): void
  /** Sends the last message again, unless one is under way. */
  repeat(): void
  /** Sends what waits, if anything, without waiting for what is under way. */
  flush(): void
}

/** A sender of the latest message only, so that nothing piles up before a slow reader. */
export function latestOnly<Message>(outlet: Outlet<Message>): LatestOnly<Message> {
  let last: Message | undefined
  let waiting = false
  let underWay = false

  function next(): void {
    if (last === undefined) return
    waiting = false
    underWay = true
    outlet.write(last, () => {
      underWay = false
      if (waiting) next()
    })
  }

  return {
    send(message) {
      last = message
      if (underWay) waiting = true
      else next()
    },
    repeat() {
      if (!underWay) next()
    },
    flush() {
      if (waiting) next()
    },
  }
}
