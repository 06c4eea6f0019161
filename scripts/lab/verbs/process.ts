import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { interruption } from '../interruption.ts'
import type { Lab } from '../topology/topology.ts'

/** A verb that runs in a process of its own, as if a user had started it. */
export type RunningVerb = {
  readonly ended: Promise<{ readonly exit: number; readonly stdout: string; readonly stderr: string }>
  /** Asks it to end. */
  readonly stop: () => void
}

type Ears = {
  /** Called with each line of its answer. */
  readonly heard?: (line: string) => void
  /** Called with everything else that it prints. */
  readonly said?: (text: string) => void
}

const SCRIPTS = join(import.meta.dirname, '../..')

/** Starts a verb on a lab. */
export function startVerb(
  lab: Lab,
  name: string,
  args: readonly string[],
  { heard = () => {}, said = () => {} }: Ears = {},
): RunningVerb {
  const child = spawn(process.execPath, [join(SCRIPTS, `${name}.ts`), ...args], {
    env: {
      ...process.env,
      LAB_NAME: lab.settings.name,
      LAB_PORT_OFFSET: String(lab.settings.portOffset),
      // It works on as many as there are, also if setup changes the number meanwhile.
      LAB_STANDBYS: '',
    },
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
    said(String(chunk))
  })
  // After an interruption it still has to finish by itself.
  child.on('error', () => {})
  return {
    ended: new Promise((resolve) => child.on('close', (exit) => resolve({ exit: exit ?? 1, stdout, stderr }))),
    stop: () => child.kill(),
  }
}

/** The last words of a verb: why it failed. */
export const lastWords = ({ stderr }: { readonly stderr: string }): string =>
  stderr.trim().split('\n').slice(-2).join(' ')
