import { test } from 'tap'
import { endure, faultsOf } from '../../scripts/lab/bench/endurance.ts'
import { lab } from '../the-lab.ts'

// The long form of it: npm run bench -- endurance
test('servers are killed in turn under full load: a client that retries with keys sees no error and loses nothing', async (t) => {
  const figures = await endure(lab, { callers: 64, seconds: 8, calmSeconds: 4 }, () => {})
  t.strictSame(faultsOf(figures), [], `${figures.acknowledged} votes, ${figures.kills} kills`)
  t.equal(figures.stored, figures.acknowledged, 'and what is stored is what was acknowledged')
  for (const { name, warm, end } of figures.memory) {
    t.ok(end < warm + 64, `${name}: ${warm.toFixed(0)} MiB, a few seconds later ${end.toFixed(0)} MiB`)
  }
})
