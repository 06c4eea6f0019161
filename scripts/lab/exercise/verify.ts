import { LabError } from '../errors.ts'
import type { Lab } from '../topology.ts'
import type { Finding } from './exercise.ts'
import { fingerprint } from './fingerprint.ts'
import { examine, passes, setUp } from './perform.ts'
import { act, carryOut } from './solution.ts'
import { stageOf } from './stage.ts'
import type { Entry } from './track.ts'

/** What came of verifying one exercise. */
export type Verified = {
  readonly name: string
  /** What is wrong with it; none for an exercise as it should be. */
  readonly problems: readonly string[]
  /** From the start to the check that passed, in the solution's hands. */
  readonly seconds: number
}

/**
 * Proves that an exercise fails unsolved and passes solved, that what is tempting and wrong is refused for the right
 * reason, and that a second start, from whatever that left, is the same as the first. Leaves the lab solved.
 */
export async function verify(lab: Lab, entry: Entry): Promise<Verified> {
  const problems: string[] = []
  let seconds = 0
  try {
    const unlike = await proveRefusals(lab, entry, problems)
    const began = performance.now()
    const notes = await setUp(lab, entry.exercise)
    const setUpTook = performance.now() - began
    problems.push(...(await unlike()).map((line) => `a second start is not as the first: ${line}`))
    const solving = performance.now()
    const answer = await carryOut(entry.exercise.solution(stageOf(lab), notes), { before: () => {}, after: () => {} })
    const findings = await examine(lab, entry.exercise, notes, answer)
    seconds = (setUpTook + performance.now() - solving) / 1000
    problems.push(...missed(findings).map((line) => `solved, it misses: ${line}`))
  } catch (error) {
    if (!(error instanceof LabError) || error.code === 'INTERRUPTED') throw error
    problems.push(`${error.code}: ${error.message}\n${error.details}`)
  }
  return { name: entry.name, problems, seconds }
}

/** Unsolved and each way that is no solution; gives how to see what is unlike the first start later on. */
async function proveRefusals(lab: Lab, { exercise }: Entry, problems: string[]): Promise<() => Promise<string[]>> {
  const notes = await setUp(lab, exercise)
  const unsolved = await examine(lab, exercise, notes, undefined)
  if (passes(unsolved)) problems.push('it passes unsolved')
  const first = await fingerprint(lab)
  let fresh: unknown = notes
  for (const [nth, { does, misses }] of exercise.tempting(stageOf(lab), notes).entries()) {
    if (nth > 0) fresh = await setUp(lab, exercise)
    const steps = exercise.tempting(stageOf(lab), fresh)[nth]?.steps ?? []
    let answer: string | undefined
    // One that fails half-way is no solution either.
    for (const step of steps) {
      const { stdout } = await act(step)
      if (step.answers) answer = stdout
    }
    const findings = await examine(lab, exercise, fresh, answer)
    if (!findings.some(({ ok, expected }) => !ok && expected.includes(misses)))
      problems.push(`${does} is not refused for "${misses}": ${missed(findings).join('; ') || 'it passes'}`)
  }
  return async () => {
    const second = await fingerprint(lab)
    return [
      ...first.filter((line) => !second.includes(line)).map((line) => `only the first: ${line}`),
      ...second.filter((line) => !first.includes(line)).map((line) => `only the second: ${line}`),
    ]
  }
}

const missed = (findings: readonly Finding[]): readonly string[] =>
  findings.filter(({ ok }) => !ok).map(({ expected, seen }) => `${expected} (seen: ${seen})`)
