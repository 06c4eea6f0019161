import { setTimeout as pause } from 'node:timers/promises'
import { labError } from './errors.ts'
import { interruption } from './interruption.ts'

/** What one look found: done with a value, or not yet with what was seen; `cheap`: it waited more than it worked. */
export type Look<T> = { readonly done: T } | { readonly seen: string; readonly cheap?: boolean }

/** Seconds, before `patience`, that a look gets to end if it is in progress at the deadline. */
const LATE_SECONDS = 10

/** Milliseconds from a look to the next, at least. */
const SHORT_MS = 25

/** More time only helps if something still changed. */
const ADVICE = {
  moving: (patience: number) =>
    `it was still changing: on a slow machine make every deadline longer: LAB_PATIENCE=${Math.ceil(4 * patience)}`,
  still: 'nothing changed while waiting, so more time will not help; see what is wrong: zx scripts/status.ts',
} as const

/**
 * Looks again and again until `look` is done, and gives its value. If waiting cannot help, `look` throws.
 * `seconds` is the deadline before `patience` multiplies it; past it, a `TIMEOUT` error says what was waited for.
 */
export async function until<T>(
  what: string,
  wait: { readonly seconds: number; readonly patience: number },
  look: () => Promise<Look<T>>,
): Promise<T> {
  const seconds = wait.seconds * wait.patience
  const began = performance.now()
  const deadline = began + seconds * 1000
  let last: string | undefined
  let changed = Number.NEGATIVE_INFINITY
  const late = (seen: string) => {
    const moving = changed > began + (seconds * 1000) / 2
    return labError('TIMEOUT', { what, seconds, seen, advice: moving ? ADVICE.moving(wait.patience) : ADVICE.still })
  }
  for (;;) {
    const from = performance.now()
    const found = await before(deadline + LATE_SECONDS * wait.patience * 1000, look())
    if (found === undefined) throw late(`${last ?? 'nothing yet'}; the last look did not end`)
    if ('done' in found) return found.done
    if (last !== undefined && last !== found.seen) changed = performance.now()
    last = found.seen
    // The nodes need the processors too: the longer a look takes, the longer the pause, and even longer on a slow machine.
    const long = (1 + wait.patience) * (performance.now() - from)
    const delay = Math.min(Math.max(SHORT_MS, found.cheap ? 0 : long), 500 * wait.patience)
    if (performance.now() + delay > deadline) throw late(found.seen)
    await pause(delay, undefined, { signal: interruption.signal })
  }
}

/** The value of a promise, or undefined if it comes too late: an engine that hangs never answers. */
async function before<T>(deadline: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, deadline - performance.now()))
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
