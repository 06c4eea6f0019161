/** The clock of a run, the same for every thread and process that knows when the run began. */
export type Clock = {
  /** When the run began, milliseconds since the epoch. */
  readonly origin: number
  /** Milliseconds since then. */
  readonly now: () => number
  /** The same for a time from another process, given in milliseconds since the epoch. */
  readonly at: (epoch: number) => number
}

/** The clock of a run that began at `origin`. */
export function clockFrom(origin: number): Clock {
  const at = (epoch: number) => Math.round((epoch - origin) * 100) / 100
  return { origin, at, now: () => at(performance.timeOrigin + performance.now()) }
}
