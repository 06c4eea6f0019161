import { labError } from './errors.ts'

/** Signals that ask a command to end, and the exit code of one that did. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
type Signal = keyof typeof SIGNALS

/** Names of the signals that ask a process to end. */
export const ENDING = Object.keys(SIGNALS) as readonly Signal[]

/** A signal that comes twice within this many milliseconds was sent once: npm passes on what the terminal sent already. */
const SAME_MS = 500

let controller = new AbortController()

/** Aborted by Ctrl-C, by SIGTERM, or when the terminal is closed. Everything that takes long listens to its signal. */
export const interruption = { signal: controller.signal, exit: SIGNALS.SIGINT as number }

/** Whether the reader of the answer has gone (`| head -1`): then a verb that runs until Ctrl-C ends too. */
export const reader = { left: false }

let askedAt = Number.NEGATIVE_INFINITY
let puttingBack = false
let warned = false

/** Lets work go on after an interruption, to put back what was changed. One more Ctrl-C prints a warning, a third stops. */
export function beginAgain(): void {
  puttingBack = controller.signal.aborted
  warned = false
  controller = new AbortController()
  interruption.signal = controller.signal
}

/** From now on the first signal asks everything to stop, and a second Ctrl-C ends the process at once. */
export function handleSignals(): void {
  for (const signal of ENDING) process.on(signal, () => asked(signal))
}

function asked(signal: Signal): void {
  const now = performance.now()
  const again = controller.signal.aborted || puttingBack
  // A shell that loses its terminal sends SIGHUP to its commands too, so the same request may come several times.
  if (again && (signal !== 'SIGINT' || now - askedAt < SAME_MS)) return
  askedAt = now
  if (!again) interruption.exit = SIGNALS[signal]
  if (controller.signal.aborted) process.exit(interruption.exit)
  if (puttingBack && !warned) {
    warned = true
    console.error('putting back what was changed; another Ctrl-C stops that and leaves it as it is')
    return
  }
  controller.abort(labError('INTERRUPTED'))
}
