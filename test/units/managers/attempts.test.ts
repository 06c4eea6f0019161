import { test } from 'tap'
import { attemptsOf } from '../../../scripts/lab/managers/scripted/attempts.ts'
import type { Reporter } from '../../../scripts/lab/steps.ts'

/** A reporter that writes down what it shows. */
function written() {
  const shown: string[] = []
  const write = (line: string) => void shown.push(line)
  const step: Reporter['step'] = async (title, work) => {
    write(title)
    return work({ tell: write, say: write, retitle: (better) => write(`${title} is now ${better}`) })
  }
  return { shown, reporter: { step, together: async () => [], overheard: write } satisfies Reporter }
}

/** Two steps; one of them fails if it is named. */
async function work({ step }: Reporter, fails?: 'check' | 'fence'): Promise<number> {
  const checked = await step('check', ({ say }) => {
    say('checking')
    if (fails === 'check') throw new Error('refused')
    return 1
  })
  return checked + (await step('fence', () => (fails === 'fence' ? Promise.reject(new Error('refused')) : 1)))
}

test('a step that fails again and again is shown once, and again when it has succeeded', async (t) => {
  const { shown, reporter } = written()
  const attempts = attemptsOf(reporter)
  for (let time = 0; time < 3; time++) await t.rejects(work(attempts.next(), 'check'))
  t.strictSame(shown.splice(0), ['check', 'checking'])
  await t.rejects(work(attempts.next(), 'fence'))
  t.strictSame(shown.splice(0), ['check', 'checking', 'fence'], 'it came further')
  await t.rejects(work(attempts.next(), 'fence'))
  t.strictSame(shown.splice(0), [])
  t.equal(await work(attempts.next()), 2)
  t.strictSame(shown, ['check', 'checking', 'fence'])
})

test('after it was forgotten, the same step is news again', async (t) => {
  const { shown, reporter } = written()
  const attempts = attemptsOf(reporter)
  await t.rejects(work(attempts.next(), 'check'))
  attempts.forget()
  await t.rejects(work(attempts.next(), 'check'))
  t.strictSame(shown, ['check', 'checking', 'check', 'checking'])
})
