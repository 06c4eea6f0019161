import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { interruption } from '../interruption.ts'

/** A verb that runs as a user would run it, in a process of its own. */
export type RunningVerb = {
  readonly ended: Promise<{ readonly exit: number; readonly stdout: string; readonly stderr: string }>
  /** Asks it to end. */
  readonly stop: () => void
}

const SCRIPTS = join(import.meta.dirname, '../..')

/** Starts a verb; `heard` is told each line that it answers. What it says besides is passed on. */
export function startVerb(
  name: string,
  args: readonly string[],
  heard: (line: string) => void = () => {},
): RunningVerb {
  const child = spawn(process.execPath, [join(SCRIPTS, `${name}.ts`), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: interruption.signal,
  })
  let stdout = ''
  let stderr = ''
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout += `${line}\n`
    heard(line)
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
    process.stderr.write(chunk)
  })
  // Interrupted, it still has to come to its end.
  child.on('error', () => {})
  return {
    ended: new Promise((resolve) => child.on('close', (exit) => resolve({ exit: exit ?? 1, stdout, stderr }))),
    stop: () => child.kill(),
  }
}
