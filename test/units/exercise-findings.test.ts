import { test } from 'tap'
import { answered, namesIn } from '../../scripts/lab/exercise/findings.ts'

test('names are found in an answer however it is worded', async (t) => {
  for (const answer of ['dora emil', 'emil, dora', 'Dora and Emil', 'emil Old; dora New', '"dora"+"emil".'])
    t.strictSame(namesIn(answer, ['Old', 'New']), ['dora', 'emil'], answer)
  t.strictSame(namesIn('dora, emil and fay'), ['dora', 'emil', 'fay'], 'nobody is left out who was named')
  t.strictSame(namesIn(''), [])
})

test('an answer that is missing, wrong or unreadable is told apart', async (t) => {
  const asked = (answer: string | undefined, right: boolean | string) => answered('it', 'there', answer, () => right)
  t.match(await asked(undefined, true), { ok: false, seen: /no answer: .*--answer/ })
  t.match(await asked('4', true), { ok: true, seen: 'the answer "4"' })
  t.match(await asked('4', false), { ok: false, seen: 'the answer "4"' })
  t.match(await asked('many', 'there is no number in it'), { ok: false, seen: /"many"; there is no number in it/ })
})
