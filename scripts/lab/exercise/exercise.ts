import type { z } from 'zod'
import type { ManagerName } from '../settings.ts'
import type { Stage } from './stage.ts'

/** One point that a check looked at. */
export type Finding = {
  /** What is seen here when the exercise is solved, in a sentence. */
  readonly expected: string
  readonly ok: boolean
  readonly seen: string
  /** Where a learner can see it too, but not what to do about it. */
  readonly where: string
  /** True if a learner cannot repair it any more: the exercise has to be started again. */
  readonly final?: boolean
}

/** One step of a solution: a command as a learner would type it. */
export type Step = {
  readonly does: string
  readonly command: string
  /** Its exit code shows the state of the lab, not whether the step worked. */
  readonly looks?: true
  /** Its output is the answer to the exercise's question. */
  readonly answers?: true
}

/** Something that a learner may do instead of the solution. */
export type Way = {
  readonly does: string
  readonly steps: readonly Step[]
  /** It takes long or is much like another one: only `verify --thorough` tries it. */
  readonly thorough?: true
}

/** A way that looks right but solves nothing. */
export type Tempting = Way & {
  /** The finding that has to fail then: a part of its `expected` sentence. */
  readonly misses: string
  /** After it the exercise cannot be solved any more, and the check has to say so. */
  readonly final?: boolean
}

/** An exercise as the code that runs it sees it. The notes from `setup` are kept as JSON and passed to its other parts. */
export type Exercise = {
  /** Minutes that a learner usually takes. */
  readonly minutes: number
  /** How many standbys the lab has in it. */
  readonly standbys: number
  /** Who decides which database is the primary. */
  readonly manager: ManagerName
  /** The question for `check --answer`; undefined if the state of the lab says everything. */
  readonly question: string | undefined
  /** Brings a lab that was just reset into the situation of the brief. */
  readonly setup: (stage: Stage) => Promise<unknown>
  /** What a learner has to know besides the brief, such as ids. */
  readonly given: (stage: Stage, notes: unknown) => readonly string[]
  /** Looks at the real system. It changes nothing that could make the check pass. */
  readonly check: (stage: Stage, notes: unknown, answer: string | undefined) => Promise<readonly Finding[]>
  /** From a small hint to nearly the whole solution. */
  readonly hints: (stage: Stage) => readonly string[]
  readonly solution: (stage: Stage, notes: unknown) => readonly Step[]
  readonly tempting: (stage: Stage, notes: unknown) => readonly Tempting[]
  /** Other right ways: the check has to accept each of them. */
  readonly also: (stage: Stage, notes: unknown) => readonly Way[]
}

type Typed<Notes> = Pick<Exercise, 'minutes' | 'hints'> & {
  /** Schema of the notes that `setup` gives. */
  readonly notes: z.ZodType<Notes>
  /** 1 if it does not say. */
  readonly standbys?: 1 | 2 | 3
  /** The lab's own verbs if it does not say. */
  readonly manager?: ManagerName
  readonly question?: string
  readonly setup: (stage: Stage) => Promise<Notes>
  readonly given?: (stage: Stage, notes: Notes) => readonly string[]
  readonly check: (stage: Stage, notes: Notes, answer: string | undefined) => Promise<readonly Finding[]>
  readonly solution: (stage: Stage, notes: Notes) => readonly Step[]
  readonly tempting: (stage: Stage, notes: Notes) => readonly Tempting[]
  readonly also?: (stage: Stage, notes: Notes) => readonly Way[]
}

/** An exercise whose notes have a type: they are checked when they are read back. */
export function defineExercise<Notes>(it: Typed<Notes>): Exercise {
  const { notes: schema, standbys = 1, manager = 'scripted', question, given = () => [], also = () => [] } = it
  return {
    minutes: it.minutes,
    standbys,
    manager,
    hints: it.hints,
    question,
    setup: it.setup,
    given: (stage, notes) => given(stage, schema.parse(notes)),
    check: (stage, notes, answer) => it.check(stage, schema.parse(notes), answer),
    solution: (stage, notes) => it.solution(stage, schema.parse(notes)),
    tempting: (stage, notes) => it.tempting(stage, schema.parse(notes)),
    also: (stage, notes) => also(stage, schema.parse(notes)),
  }
}
