import { test } from 'tap'
import { answered, compareVotes, namesIn } from '../../../scripts/lab/exercise/findings.ts'

test('names are found in an answer however it is worded', async (t) => {
  for (const answer of [
    'dora emil',
    'emil, dora',
    'Dora and Emil',
    'emil Old; dora New',
    '"dora"+"emil".',
    "Emil's and Dora's votes are gone",
  ])
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

test('votes are compared with those that are wanted, in words that say how many', async (t) => {
  const wanted = { ann: 'a', bob: 'b' }
  const compared = (held: Record<string, string>, only = false) => compareVotes(held, wanted, { only, named: false })
  t.strictSame(compared(wanted), { ok: true, seen: 'all of them', wrong: false })
  t.match(compared({ ...wanted, cid: 'a' }), { ok: true, wrong: false })
  t.match(compared({ ...wanted, cid: 'a' }, true), { ok: false, seen: '1 vote is too many', wrong: true })
  t.match(compared({ ann: 'a' }), { ok: false, seen: '1 vote is missing', wrong: false })
  t.match(compared({}), { ok: false, seen: '2 votes are missing', wrong: false })
  t.match(compared({ ann: 'b', bob: 'b' }), { ok: false, seen: '1 vote is not what it should be', wrong: true })
  t.match(compared({ ann: 'b', bob: 'a' }), { ok: false, seen: '2 votes are not what they should be', wrong: true })
  t.match(compareVotes({ ann: 'a' }, wanted, { only: false, named: true }), { ok: false, seen: 'ann a' })
  t.match(compareVotes({}, wanted, { only: false, named: true }), { seen: 'no votes in this poll' })
})
