import { LabError } from '../errors.ts'
import type { Lab } from '../topology/topology.ts'
import type { Exercise, Finding, Tempting, Way } from './exercise.ts'
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
  /** How many right and wrong ways were tried besides the solution. */
  readonly ways: number
  /** From the start to the check that passed, in the solution's hands. */
  readonly seconds: number
}

/**
 * Proves that an exercise fails unsolved and passes solved, that its check accepts other ways that are right and refuses
 * what is tempting and wrong for the right reason, and that a second start, from whatever that left, is the same as the
 * first. Leaves the lab solved.
 */
export async function verify(lab: Lab, entry: Entry, thorough = false): Promise<Verified> {
  const problems: string[] = []
  let seconds = 0
  let ways = 0
  try {
    const { first, notes: untouched } = await proveUnsolved(lab, entry.exercise, problems)
    ways = await proveWays(lab, entry.exercise, untouched, thorough, problems)
    const began = performance.now()
    const notes = await setUp(lab, entry.exercise)
    const setUpTook = performance.now() - began
    problems.push(...unlike(first, await fingerprint(lab)))
    const solving = performance.now()
    const answer = await carryOut(entry.exercise.solution(stageOf(lab), notes), { before: () => {}, after: () => {} })
    const findings = await examine(lab, entry.exercise, notes, answer)
    seconds = (setUpTook + performance.now() - solving) / 1000
    problems.push(...missed(findings).map((line) => `solved, it misses: ${line}`))
  } catch (error) {
    if (!(error instanceof LabError) || error.code === 'INTERRUPTED') throw error
    problems.push(`${error.code}: ${error.message}\n${error.details}`)
  }
  return { name: entry.name, problems, ways, seconds }
}

/** The exercise as it starts; gives its notes and what the lab is then. */
async function proveUnsolved(lab: Lab, exercise: Exercise, problems: string[]) {
  const notes = await setUp(lab, exercise)
  const unsolved = await examine(lab, exercise, notes, undefined)
  if (passes(unsolved)) problems.push('it passes unsolved')
  problems.push(...unsolved.filter(isFinal).map(({ expected }) => `it cannot be solved from the start: ${expected}`))
  return { notes, first: await fingerprint(lab) }
}

/** Each way that is no solution, and each that is another one; gives how many there were. */
async function proveWays(
  lab: Lab,
  exercise: Exercise,
  notes: unknown,
  thorough: boolean,
  problems: string[],
): Promise<number> {
  const { tempting, also } = exercise
  const ways = [
    ...tempting(stageOf(lab), notes).map((way, nth) => ({ way, nth, of: tempting, judge: refusalOf(way) })),
    ...also(stageOf(lab), notes).map((way, nth) => ({ way, nth, of: also, judge: acceptanceOf(way) })),
  ].filter(({ way }) => thorough || !way.thorough)
  for (const { nth, of, judge } of ways) {
    const fresh = await setUp(lab, exercise)
    let answer: string | undefined
    // A step that fails says so by what the check finds.
    for (const step of of(stageOf(lab), fresh)[nth]?.steps ?? []) {
      const { stdout } = await act(step)
      if (step.answers) answer = stdout
    }
    const problem = judge(await examine(lab, exercise, fresh, answer))
    if (problem !== undefined) problems.push(problem)
  }
  return ways.length
}

/** What is wrong with what a check found; undefined where nothing is. */
type Judge = (findings: readonly Finding[]) => string | undefined

const refusalOf =
  ({ does, misses, final = false }: Tempting): Judge =>
  (findings) => {
    if (!findings.some(({ ok, expected }) => !ok && expected.includes(misses)))
      return `${does} is not refused for "${misses}": ${missed(findings).join('; ') || 'it passes'}`
    if (final === findings.some(isFinal)) return undefined
    return final ? `${does} is not said to need a new start` : `${does} is said to need a new start, and does not`
  }

const acceptanceOf =
  ({ does }: Way): Judge =>
  (findings) =>
    passes(findings) ? undefined : `${does} is right, and refused for: ${missed(findings).join('; ')}`

const isFinal = ({ ok, final }: Finding): boolean => !ok && final === true

const unlike = (first: readonly string[], second: readonly string[]): readonly string[] =>
  [
    ...first.filter((line) => !second.includes(line)).map((line) => `only the first: ${line}`),
    ...second.filter((line) => !first.includes(line)).map((line) => `only the second: ${line}`),
  ].map((line) => `a second start is not as the first: ${line}`)

const missed = (findings: readonly Finding[]): readonly string[] =>
  findings.filter(({ ok }) => !ok).map(({ expected, seen }) => `${expected} (seen: ${seen})`)
