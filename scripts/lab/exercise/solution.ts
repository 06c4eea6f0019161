import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import type { Step } from './exercise.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** The result of a step. */
export type Acted = { readonly exit: number; readonly stdout: string; readonly stderr: string }

/** Runs the command of a step in a shell, in the project's folder. */
export async function act({ command }: Step): Promise<Acted> {
  interruption.signal.throwIfAborted()
  const PATH = `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH']}`
  const child = spawn('bash', ['-uo', 'pipefail', '-c', command], {
    cwd: ROOT,
    env: { ...process.env, PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: interruption.signal,
  })
  child.on('error', () => {})
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)))
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  interruption.signal.throwIfAborted()
  return { exit, stdout: stdout.trim(), stderr: stderr.trim() }
}

/** Carries out a solution and tells each step before and after it. Gives the answer, if a step printed one. */
export async function carryOut(
  steps: readonly Step[],
  told: { readonly before: (step: Step) => void; readonly after: (acted: Acted) => void },
): Promise<string | undefined> {
  let answer: string | undefined
  for (const step of steps) {
    told.before(step)
    const acted = await act(step)
    told.after(acted)
    if (acted.exit !== 0 && !step.looks)
      throw labError('STEP_FAILED', { command: step.command, exit: acted.exit, said: acted.stderr || acted.stdout })
    if (step.answers) answer = acted.stdout
  }
  return answer
}
