import { labError } from './errors.ts'

let controller = new AbortController()

/** Aborted by Ctrl-C or SIGTERM; whatever runs for long obeys its signal. */
export const interruption = { signal: controller.signal }

/** Lets work go on after an interruption, for what has to be put back; the next one interrupts that. */
export function beginAgain(): void {
  controller = new AbortController()
  interruption.signal = controller.signal
}

/** From now on the first Ctrl-C or SIGTERM asks everything to stop, and a second one stops at once. */
export function heedInterruption(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130)
      controller.abort(labError('INTERRUPTED'))
    })
  }
}
