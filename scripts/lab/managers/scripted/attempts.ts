import type { Reporter, Telling } from '../../steps.ts'

/** Reporters for a work that is tried again until it succeeds. */
export type Attempts = {
  /** The reporter of the next attempt: it shows steps only from beyond the one at which the last attempt failed. */
  readonly next: () => Reporter
  /** From now on the steps are news again. */
  readonly forget: () => void
}

/** What a step told, to be told later. */
type Held = { readonly title: string; readonly told: readonly ((it: Telling) => void)[] }

/** Shows each step once, however often it is tried; one that failed before is shown when it has succeeded. */
export function attemptsOf(reporter: Reporter): Attempts {
  const NEVER = -1
  let failedAt = NEVER
  return {
    forget: () => {
      failedAt = NEVER
    },
    next: () => {
      const held: Held[] = []
      const shownBefore = failedAt
      let nth = 0
      const catchUp = async () => {
        for (const { title, told } of held.splice(0))
          await reporter.step(title, (it) => {
            for (const tell of told) tell(it)
          })
      }
      return {
        ...reporter,
        step: async (title, work) => {
          const at = nth++
          try {
            if (at > shownBefore) return await reporter.step(title, work)
            const told: ((it: Telling) => void)[] = []
            const done = await work({
              tell: (line) => told.push((it) => it.tell(line)),
              say: (news) => told.push((it) => it.say(news)),
              retitle: (better) => told.push((it) => it.retitle(better)),
            })
            held.push({ title, told })
            if (at === shownBefore) await catchUp()
            return done
          } catch (error) {
            failedAt = at
            throw error
          }
        },
      }
    },
  }
}
