import { LabError } from '../errors.ts'
import type { Lab } from '../topology/topology.ts'
import type { Exercise, Finding, Tempting, Way } from './exercise.ts'
import { fingerprint } from './fingerprint.ts'
import { examine, labFor, passes, setUp } from './perform.ts'
import { act, carryOut } from './solution.ts'
import { stageOf } from './stage.ts'
import type { Entry } from './track.ts'

/** The result of verifying one exercise. */
export type Verified = {
  readonly name: string
  /** What is wrong with it; empty for a good exercise. */
  readonly problems: readonly string[]
  /** Number of right and wrong ways that were tried besides the solution. */
  readonly ways: number
  /** Seconds from the start to the check that passed, with the solution. */
  readonly seconds: number
}

/**
 * Tests an exercise: unsolved it fails, solved it passes, its check accepts other right ways, and refuses tempting wrong
 * ways for the right reason. A second start gives the same state as the first, whatever the ways left. The lab stays solved.
 */
export async function verify(asked: Lab, entry: Entry, thorough = false): Promise<Verified> {
  const lab = labFor(asked, entry.exercise)
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

/** Starts the exercise and checks it unsolved; gives its notes and the state of the lab. */
async function proveUnsolved(lab: Lab, exercise: Exercise, problems: string[]) {
  const notes = await setUp(lab, exercise)
  const unsolved = await examine(lab, exercise, notes, undefined)
  if (passes(unsolved)) problems.push('it passes unsolved')
  problems.push(...unsolved.filter(isFinal).map(({ expected }) => `it cannot be solved from the start: ${expected}`))
  return { notes, first: await fingerprint(lab) }
}

/** Tries each wrong way and each other right way; gives their number. */
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
    // If a step fails, the check shows it.
    for (const step of of(stageOf(lab), fresh)[nth]?.steps ?? []) {
      const { stdout } = await act(step)
      if (step.answers) answer = stdout
    }
    const problem = judge(await examine(lab, exercise, fresh, answer))
    if (problem !== undefined) problems.push(problem)
  }
  return ways.length
}

/** What is wrong with the findings of a check; undefined if nothing is. */
type Judge = (findings: readonly Finding[]) => string | undefined

const refusalOf =
  ({ does, misses, final = false }: Tempting): Judge =>
  (findings) => {
    if (!findings.some(({ ok, expected }) => !ok && expected.includes(misses)))
      return `${does} is not refused for "${misses}": ${missed(findings).join('; ') || 'it passes'}`
    if (final === findings.some(isFinal)) return undefined
    return final ? `${does} does not say "start again"` : `${does} says "start again" without need`
  }

const acceptanceOf =
  ({ does }: Way): Judge =>
  (findings) =>
    passes(findings) ? undefined : `${does} is right, but refused for: ${missed(findings).join('; ')}`

const isFinal = ({ ok, final }: Finding): boolean => !ok && final === true

const unlike = (first: readonly string[], second: readonly string[]): readonly string[] =>
  [
    ...first.filter((line) => !second.includes(line)).map((line) => `only the first: ${line}`),
    ...second.filter((line) => !first.includes(line)).map((line) => `only the second: ${line}`),
  ].map((line) => `a second start differs from the first: ${line}`)

const missed = (findings: readonly Finding[]): readonly string[] =>
  findings.filter(({ ok }) => !ok).map(({ expected, seen }) => `${expected} (seen: ${seen})`)
