import { setTimeout as pause } from 'node:timers/promises'
import { labError } from './errors.ts'
import { interruption } from './interruption.ts'

/** What one look found: done with a value, or not yet with what was seen. */
export type Look<T> = { readonly done: T } | { readonly seen: string }

/** Seconds that a look under way at the deadline gets to end, before `patience`. */
const LATE_SECONDS = 10

/**
 * Looks again and again until `look` is done, and gives its value.
 * `seconds` is the deadline before `patience` multiplies it; past it, a `TIMEOUT` error says what was waited for.
 */
export async function until<T>(
  what: string,
  wait: { readonly seconds: number; readonly patience: number },
  look: () => Promise<Look<T>>,
): Promise<T> {
  const seconds = wait.seconds * wait.patience
  const deadline = performance.now() + seconds * 1000
  let last = 'nothing yet'
  for (;;) {
    const from = performance.now()
    const found = await before(deadline + LATE_SECONDS * wait.patience * 1000, look())
    if (found === undefined) throw labError('TIMEOUT', { what, seconds, seen: `${last}; the last look did not end` })
    if ('done' in found) return found.done
    last = found.seen
    // What is waited for needs the processors too: the dearer a look, the rarer, and more so where all is slow.
    const delay = Math.min(Math.max(25, (1 + wait.patience) * (performance.now() - from)), 500 * wait.patience)
    if (performance.now() + delay > deadline) throw labError('TIMEOUT', { what, seconds, seen: found.seen })
    await pause(delay, undefined, { signal: interruption.signal })
  }
}

/** What a promise gives, or undefined where it gives nothing in time: an engine that hangs answers no look at all. */
async function before<T>(deadline: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, deadline - performance.now()))
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
