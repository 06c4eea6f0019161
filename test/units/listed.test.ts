import { test } from 'tap'
import { listed } from '../../scripts/lab/listed.ts'

test('names are listed with commas, and the last one with a word', async (t) => {
  const cases = [[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listed)
  t.strictSame(cases, ['', 'a', 'a and b', 'a, b and c'])
})
