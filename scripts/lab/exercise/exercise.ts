import type { z } from 'zod'
import type { Stage } from './stage.ts'

/** One thing that a check looked at. */
export type Finding = {
  /** What a solved exercise shows, in a sentence. */
  readonly expected: string
  readonly ok: boolean
  readonly seen: string
  /** Where a learner can see it too; never what to do about it. */
  readonly where: string
  /** Nothing that a learner can still do makes it as expected: the exercise has to be started again. */
  readonly final?: boolean
}

/** One step of a solution: a command as a learner would type it. */
export type Step = {
  readonly does: string
  readonly command: string
  /** Its exit code says how the lab is, and not whether it worked. */
  readonly looks?: true
  /** What it prints is the answer to the exercise's question. */
  readonly answers?: true
}

/** Something that a learner may do instead of the solution. */
export type Way = {
  readonly does: string
  readonly steps: readonly Step[]
  /** It takes long, or differs little from another one: only `verify --thorough` tries it. */
  readonly thorough?: true
}

/** A way that suggests itself and solves nothing. */
export type Tempting = Way & {
  /** What of the expected its check has to find missing; a part of the sentence. */
  readonly misses: string
  /** It cannot be mended any more, and the check has to say so. */
  readonly final?: boolean
}

/** What every exercise is, to those who carry it out. What `setup` gives is kept as JSON and handed to the others. */
export type Exercise = {
  /** How long a learner takes, as a rule. */
  readonly minutes: number
  /** What `check --answer` is to answer; undefined where the state of the lab says all. */
  readonly question: string | undefined
  /** Brings a lab that is new into the state that the brief describes. */
  readonly setup: (stage: Stage) => Promise<unknown>
  /** What a learner has to be told besides the brief: ids and the like. */
  readonly given: (stage: Stage, notes: unknown) => readonly string[]
  /** Looks at the real system, and changes nothing that would make it pass. */
  readonly check: (stage: Stage, notes: unknown, answer: string | undefined) => Promise<readonly Finding[]>
  /** From a nudge to nearly all. */
  readonly hints: (stage: Stage) => readonly string[]
  readonly solution: (stage: Stage, notes: unknown) => readonly Step[]
  readonly tempting: (stage: Stage, notes: unknown) => readonly Tempting[]
  /** Other ways that are right: the check has to accept each of them. */
  readonly also: (stage: Stage, notes: unknown) => readonly Way[]
}

type Typed<Notes> = Pick<Exercise, 'minutes' | 'hints'> & {
  /** Schema of what `setup` gives. */
  readonly notes: z.ZodType<Notes>
  readonly question?: string
  readonly setup: (stage: Stage) => Promise<Notes>
  readonly given?: (stage: Stage, notes: Notes) => readonly string[]
  readonly check: (stage: Stage, notes: Notes, answer: string | undefined) => Promise<readonly Finding[]>
  readonly solution: (stage: Stage, notes: Notes) => readonly Step[]
  readonly tempting: (stage: Stage, notes: Notes) => readonly Tempting[]
  readonly also?: (stage: Stage, notes: Notes) => readonly Way[]
}

/** An exercise whose notes have a type of their own: they are checked when they come back from where they were kept. */
export function defineExercise<Notes>(it: Typed<Notes>): Exercise {
  const { notes: schema, question, given = () => [], also = () => [] } = it
  return {
    minutes: it.minutes,
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
