import { labError } from './errors.ts'

/** Signals that ask a command to end, and the exit code of one that did. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
type Signal = keyof typeof SIGNALS

/** Names of the signals that ask a process to end. */
export const ENDING = Object.keys(SIGNALS) as readonly Signal[]

/** A signal that comes twice within that many milliseconds was sent once: npm passes on what the terminal sent already. */
const SAME_MS = 500

let controller = new AbortController()

/** Aborted by Ctrl-C, SIGTERM, or a terminal that is closed; whatever runs for long obeys its signal. */
export const interruption = { signal: controller.signal, exit: SIGNALS.SIGINT as number }

/** Whether whoever read the answer is gone (`| head -1`): what runs until it is interrupted ends then, too. */
export const reader = { left: false }

let askedAt = Number.NEGATIVE_INFINITY
let puttingBack = false
let warned = false

/** Lets work go on after an interruption, for what has to be put back; one Ctrl-C more is warned, and a third stops that. */
export function beginAgain(): void {
  puttingBack = controller.signal.aborted
  warned = false
  controller = new AbortController()
  interruption.signal = controller.signal
}

/** From now on the first signal asks everything to stop, and a second Ctrl-C stops at once. */
export function handleSignals(): void {
  for (const signal of ENDING) process.on(signal, () => asked(signal))
}

function asked(signal: Signal): void {
  const now = performance.now()
  const again = controller.signal.aborted || puttingBack
  // A shell that loses its terminal hangs up on its commands too, and what is asked to end may be asked often.
  if (again && (signal !== 'SIGINT' || now - askedAt < SAME_MS)) return
  askedAt = now
  if (!again) interruption.exit = SIGNALS[signal]
  if (controller.signal.aborted) process.exit(interruption.exit)
  if (puttingBack && !warned) {
    warned = true
    console.error('putting back what was changed; Ctrl-C once more leaves it as it is')
    return
  }
  controller.abort(labError('INTERRUPTED'))
}
