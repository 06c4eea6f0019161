/** Sends a message; `taken` is called when it is on its way. A slow reader delays that. */
export type Outlet<Message> = { write(message: Message, taken: () => void): unknown }

/** Sends one message at a time; of the waiting messages it keeps only the newest. */
export type LatestOnly<Message> = {
  send(message: Message): void
  /** Sends the last message again, unless one is being sent. */
  repeat(): void
  /** Sends the waiting message, if there is one, without waiting for the one that is being sent. */
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
