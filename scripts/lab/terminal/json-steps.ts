import { LabError } from '../errors.ts'
import type { Reporter, Step, Telling } from '../steps.ts'
import { asJson } from '../visible.ts'

/** What happened to a step. `command` is one that changes something; `news` and `title` are what the step found out. */
type Event =
  | { readonly event: 'begun'; readonly title: string; readonly within: number | null }
  | { readonly event: 'command'; readonly command: string }
  | { readonly event: 'news'; readonly news: string }
  | { readonly event: 'title'; readonly title: string }
  | { readonly event: 'done' }
  | { readonly event: 'failed'; readonly code: string | null; readonly message: string }

/** A reporter for programs: each event is one line of JSON, with the time and the number of its step. */
export function jsonSteps(write: (line: string) => void): Reporter {
  let begun = 0
  const line = (step: number | null, event: Event | { readonly event: 'output'; readonly output: string }): void =>
    write(`${asJson({ at: new Date().toISOString(), step, ...event })}\n`)

  /** `within`: the number of the step that this one is a part of. */
  const take = async <T>(title: string, within: number | null, work: (step: number) => Promise<T> | T): Promise<T> => {
    begun += 1
    const step = begun
    line(step, { event: 'begun', title, within })
    try {
      const value = await work(step)
      line(step, { event: 'done' })
      return value
    } catch (error) {
      const code = error instanceof LabError ? error.code : null
      line(step, { event: 'failed', code, message: error instanceof Error ? error.message : String(error) })
      throw error
    }
  }
  const telling = (step: number): Telling => ({
    tell: (command) => line(step, { event: 'command', command }),
    say: (news) => line(step, { event: 'news', news }),
    retitle: (title) => line(step, { event: 'title', title }),
  })
  const one = <T>({ title, work }: Step<T>, within: number | null): Promise<T> =>
    take(title, within, (step) => work(telling(step)))

  return {
    step: (title, work) => one({ title, work }, null),
    together: (title, steps) => take(title, null, (step) => Promise.all(steps.map((it) => one(it, step)))),
    overheard: (output) => line(null, { event: 'output', output }),
  }
}
