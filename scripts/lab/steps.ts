/** Gets each command that changes something, in the form that a user could type. */
export type Tell = (line: string) => void

/** Gets a line about the progress of the work. */
export type Say = (news: string) => void

/** What a step can tell while it goes on. */
export type Telling = {
  readonly tell: Tell
  readonly say: Say
  /** Replaces the step's title by what the step found. */
  readonly retitle: (title: string) => void
}

/** A step before it is taken. */
export type Step<T> = { readonly title: string; readonly work: (it: Telling) => Promise<T> | T }

/** Gets news of what a verb does, as it happens. Each step gives the result of its work. */
export type Reporter = {
  readonly step: <T>(title: string, work: Step<T>['work']) => Promise<T>
  /** Steps side by side, under one title. */
  readonly together: <T>(title: string, steps: readonly Step<T>[]) => Promise<readonly T[]>
  /** Gets the output of another program that does part of the work, as it comes. */
  readonly overheard: (text: string) => void
}

const NOTHING: Telling = { tell: () => {}, say: () => {}, retitle: () => {} }

/** For work that nobody hears of. */
export const unreported: Reporter = {
  step: async (_, work) => work(NOTHING),
  together: (_, steps) => Promise.all(steps.map(async ({ work }) => work(NOTHING))),
  overheard: () => {},
}
