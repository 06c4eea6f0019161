/** Told each command that changes something, as a user could type it. */
export type Tell = (line: string) => void

/** Told in a line how far something is. */
export type Say = (news: string) => void

/** What a step can tell while it goes on. */
export type Telling = {
  readonly tell: Tell
  readonly say: Say
  /** What it found, in place of its title. */
  readonly retitle: (title: string) => void
}

/** A step before it is taken. */
export type Step<T> = { readonly title: string; readonly work: (it: Telling) => Promise<T> | T }

/** Is told what a verb does, as it happens; each step gives what its work gives. */
export type Reporter = {
  readonly step: <T>(title: string, work: Step<T>['work']) => Promise<T>
  /** Steps side by side, under one title. */
  readonly together: <T>(title: string, steps: readonly Step<T>[]) => Promise<readonly T[]>
  /** What another program says that works on the same, as it comes. */
  readonly overheard: (text: string) => void
}

const NOTHING: Telling = { tell: () => {}, say: () => {}, retitle: () => {} }

/** For work of which nobody is told. */
export const unreported: Reporter = {
  step: async (_, work) => work(NOTHING),
  together: (_, steps) => Promise.all(steps.map(async ({ work }) => work(NOTHING))),
  overheard: () => {},
}
