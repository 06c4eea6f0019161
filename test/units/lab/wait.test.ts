import { test } from 'tap'
import { until } from '../../../scripts/lab/wait.ts'

const TENTH = { seconds: 1, patience: 0.01 }

test('a wait ends with what it waited for and what it saw last', async (t) => {
  let looks = 0
  const third = await until('the third look', { seconds: 5, patience: 1 }, async () => {
    looks += 1
    return looks === 3 ? { done: 'here' } : { seen: `look ${looks}` }
  })
  t.equal(third, 'here')
  await t.rejects(
    until('rain', TENTH, async () => ({ seen: 'a blue sky' })),
    { code: 'TIMEOUT', message: /rain.*a blue sky/s },
  )
})

test('a look that never ends is no reason to wait for ever', async (t) => {
  await t.rejects(
    until('an engine that hangs', TENTH, () => new Promise(() => {})),
    { code: 'TIMEOUT', message: /nothing yet; the last look did not end/ },
  )
})

test('a longer deadline is advised only if something still changed', async (t) => {
  let looks = 0
  await t.rejects(
    until('a tide', { seconds: 0.5, patience: 1 }, async () => ({ seen: `wave ${++looks}` })),
    { code: 'TIMEOUT', fix: /LAB_PATIENCE=4/ },
  )
  await t.rejects(
    until('rain', { seconds: 0.5, patience: 1 }, async () => ({ seen: 'a blue sky' })),
    { code: 'TIMEOUT', fix: /^nothing changed while waiting.*status\.ts/ },
  )
})
