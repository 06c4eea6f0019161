import { $, type ProcessPromise } from 'zx/core'
import { withoutPasswords } from '../network/proxy.ts'
import { Problem } from './problem.ts'

/** Runs a command of the build without showing its output. Ctrl-C and a deadline stop it. */
export type Run = (pieces: TemplateStringsArray, ...values: (string | readonly string[])[]) => ProcessPromise

/** Runs the steps of one build; `interrupt` stops it. */
export type Steps = {
  readonly step: (title: string, minutes: number, work: (run: Run) => Promise<void>) => Promise<void>
  readonly interrupt: (signal: NodeJS.Signals) => void
}

/** Milliseconds after which a long step says again that it goes on. */
const BEAT_MS = 15_000

/** Each step prints a line with the time that it took. If it fails, the error has the last lines of its command. */
export function steps(print: (text: string) => void, beatMs = BEAT_MS): Steps {
  const interruption = new AbortController()

  async function step(title: string, minutes: number, work: (run: Run) => Promise<void>): Promise<void> {
    const began = performance.now()
    const deadline = AbortSignal.timeout(minutes * 60_000)
    const signal = AbortSignal.any([interruption.signal, deadline])
    signal.throwIfAborted()
    print(`  ${title} … `)
    const seconds = () => (performance.now() - began) / 1000
    const beat = setInterval(() => print(`${seconds().toFixed(0)} s … `), beatMs)
    try {
      await work(stoppedBy(signal))
      signal.throwIfAborted()
    } catch (error) {
      print('failed\n')
      if (interruption.signal.aborted) throw interruption.signal.reason
      if (deadline.aborted) throw new Problem(`"${title}" did not end within ${minutes} minutes`, 'try again')
      if (error instanceof Problem) throw error
      throw new Problem(`"${title}" failed:\n${lastLines(error)}`, 'repair what the lines above name, then try again')
    } finally {
      clearInterval(beat)
    }
    print(`${seconds().toFixed(1)} s\n`)
  }

  return {
    step,
    interrupt: (signal) => interruption.abort(new Problem(`interrupted (${signal})`, 'nothing was left behind')),
  }
}

function stoppedBy(signal: AbortSignal): Run {
  // The command has its own process group, which is killed at once: if mmdebstrap is asked to stop, it first finishes its work.
  // Bash takes the pipe from Node for a network connection and then reads ~/.bashrc, unless it is a shell within a shell.
  const own = $({ quiet: true, detached: true, env: { ...process.env, LC_ALL: 'C.UTF-8', SHLVL: '2' } })
  return (pieces, ...values) => {
    signal.throwIfAborted()
    const command = own(pieces, ...values)
    const kill = () => command.pid !== undefined && process.kill(-command.pid, 'SIGKILL')
    signal.addEventListener('abort', kill, { once: true })
    // Now, before another group can get this number.
    command.then(forget, forget)
    function forget() {
      signal.removeEventListener('abort', kill)
    }
    return command
  }
}

function lastLines(error: unknown): string {
  const said = error !== null && typeof error === 'object' && 'stderr' in error ? String(error.stderr) : String(error)
  const lines = withoutPasswords(said).trimEnd().split('\n')
  return lines.slice(-15).join('\n') || String(error)
}
