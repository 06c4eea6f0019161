import { setTimeout as pause } from 'node:timers/promises'
import { labError } from './errors.ts'
import { interruption } from './interruption.ts'

/** What one look found: done with a value, or not yet with what was seen. */
export type Look<T> = { readonly done: T } | { readonly seen: string }

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
  for (;;) {
    const from = performance.now()
    const found = await look()
    if ('done' in found) return found.done
    // What is waited for needs the processors too: the dearer a look, the rarer.
    const delay = Math.min(Math.max(25, 2 * (performance.now() - from)), 500)
    if (performance.now() + delay > deadline) throw labError('TIMEOUT', { what, seconds, seen: found.seen })
    await pause(delay, undefined, { signal: interruption.signal })
  }
}
