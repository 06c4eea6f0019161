import { test } from 'tap'
import type { Finding } from '../../../scripts/lab/exercise/exercise.ts'
import type { Checked } from '../../../scripts/lab/exercise/learn.ts'
import { checkJson, checkView } from '../../../scripts/lab/terminal/exercise-view.ts'

const checked = (findings: readonly Finding[], earlierAnswer?: string): Checked => ({
  entry: {
    name: '08-x',
    number: 8,
    title: 'X',
    brief: '',
    answers: 'why',
    exercise: {} as Checked['entry']['exercise'],
  },
  passed: findings.every(({ ok }) => ok),
  findings,
  earlierAnswer,
  next: undefined,
})
const finding = { expected: 'no error', ok: false, seen: '3', where: 'the record' }

test('a finding that cannot be repaired any more says so, and so does the next step', async (t) => {
  const mendable = checkView(checked([finding]))
  t.match(mendable, /seen {6}3\n(.|\n)*→ go on, then/)
  t.notMatch(mendable, /start again|start 8/)
  const final = checked([{ ...finding, final: true }, finding])
  t.match(checkView(final), /seen {6}3; this cannot be repaired any more: start again\n(.|\n)*→ .*exercise\.ts start 8/)
  t.notMatch(checkView(final), /go on, then/)
  t.match(checkJson(final), { passed: false, startAgain: true })
  const solved = checked([{ ...finding, ok: true, final: true }])
  t.match(checkView(solved), /solved/)
  t.match(checkJson(solved), { passed: true, startAgain: false })
})

test('an answer from an earlier check is never used in silence', async (t) => {
  for (const ok of [true, false])
    t.match(checkView(checked([{ ...finding, ok }], '1.4')), /Your answer is still "1\.4", from an earlier check/)
  t.notMatch(checkView(checked([finding])), /Your answer/)
  t.match(checkJson(checked([finding], '1.4')), { earlierAnswer: '1.4' })
})
