import { join } from 'node:path'
import { labError } from '../errors.ts'
import { run } from '../run.ts'
import type { Step } from './exercise.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** The result of a step. */
export type Acted = { readonly exit: number; readonly stdout: string; readonly stderr: string }

/** Runs the command of a step in a shell, in the project's folder. */
export async function act({ command }: Step): Promise<Acted> {
  const PATH = `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH']}`
  // An exercise may have brought the lab to another number of standbys than this process was given.
  const env = { ...process.env, PATH, LAB_STANDBYS: '' }
  const { exit, stdout, stderr } = await run('bash', ['-uo', 'pipefail', '-c', command], { cwd: ROOT, env })
  return { exit, stdout: stdout.toString().trim(), stderr: stderr.trim() }
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
