import { test } from 'tap'
import { splitBrainOf } from '../../../scripts/lab/experiment/judge/split-brain.ts'
import type { Call } from '../../../scripts/lab/experiment/record.ts'

const vote = (timeline: number, end: number, outcome: Call['outcome'] = 'ok'): Call => ({
  ...{ kind: 'vote', client: 1, poll: 'p', start: end - 5, end, outcome, answer: '', server: 'primary' },
  ...{ user: `u${end}`, option: 'a', token: `${timeline}-0/${end}`, expected: null, seen: null },
})

const CASES: readonly (readonly [string, readonly Call[], number])[] = [
  ['no call at all', [], 0],
  ['one primary', [vote(1, 10), vote(1, 20)], 0],
  ['one after the other', [vote(1, 10), vote(1, 20), vote(2, 30)], 0],
  ['two at the same time', [vote(1, 10), vote(2, 30), vote(1, 70), vote(2, 90)], 40],
  ['an error of the old one is no acknowledgement', [vote(1, 10), vote(2, 30), vote(1, 70, 'indefinite')], 0],
  ['a timeline that nobody wrote on', [vote(1, 10), vote(3, 30), vote(1, 50)], 20],
]

test('two primaries are counted from what clients were told: as long as both acknowledge', async (t) => {
  for (const [name, calls, expected] of CASES) t.equal(splitBrainOf(calls), expected, name)
})
