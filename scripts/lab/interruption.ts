import { labError } from './errors.ts'

const controller = new AbortController()

/** Aborted by Ctrl-C or SIGTERM; whatever runs for long obeys its signal. */
export const interruption = { signal: controller.signal }

/** From now on the first Ctrl-C or SIGTERM asks everything to stop, and a second one stops at once. */
export function heedInterruption(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130)
      controller.abort(labError('INTERRUPTED'))
    })
  }
}
