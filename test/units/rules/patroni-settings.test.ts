import fc from 'fast-check'
import { test } from 'tap'
import { LabError } from '../../../scripts/lab/errors.ts'
import { leaseIn, leaseText, settingsIn } from '../../../scripts/lab/rules/patroni-settings.ts'

const FASTEST = { ttl: 20, loop_wait: 1, retry_timeout: 3 }

/** The settings that are read, or the code of the refusal. */
function read(...texts: readonly string[]) {
  try {
    return settingsIn(texts, FASTEST)
  } catch (error) {
    return error instanceof LabError ? error.code : String(error)
  }
}

test('a setting of Patroni is read as it is typed; what Patroni would raise silently is refused', async (t) => {
  const cases: readonly (readonly [readonly string[], ReturnType<typeof read>])[] = [
    [['ttl=30'], { ttl: 30 }],
    [['failsafe_mode=true'], { failsafe_mode: true }],
    [['maximum_lag_on_failover=0'], { maximum_lag_on_failover: 0 }],
    // The two limits hold for what there is afterwards, whatever the order is.
    [['retry_timeout=10', 'ttl=40', 'loop_wait=10'], { retry_timeout: 10, ttl: 40, loop_wait: 10 }],
    [['retry_timeout=10'], 'PATRONI_TIMING'],
    [['loop_wait=15'], 'PATRONI_TIMING'],
    [['ttl=19'], 'PATRONI_SETTING'],
    [['ttl='], 'PATRONI_SETTING'],
    [['ttl'], 'PATRONI_SETTING'],
    [['ttl=2e1x'], 'PATRONI_SETTING'],
    [['ttl=20.5'], 'PATRONI_SETTING'],
    [['loop_wait=0'], 'PATRONI_SETTING'],
    [['failsafe_mode=1'], 'PATRONI_SETTING'],
    [['toString=1'], 'PATRONI_SETTING'],
  ]
  for (const [texts, wanted] of cases) t.strictSame(read(...texts), wanted, texts.join(' '))
})

test('a lease is read as it is typed, or refused if Patroni would not keep to it', async (t) => {
  for (const text of ['20/1/3', '30/10/10', '25/1/12']) t.equal(leaseText(leaseIn(text) ?? FASTEST), text)
  const refused = [
    '',
    '20',
    '20/1',
    '20/1/3/4',
    '19/1/3',
    '20/0/3',
    '20/1/2',
    '20/1/10',
    '20.5/1/3',
    'a/b/c',
    '-30/10/10',
  ]
  for (const text of refused) t.equal(leaseIn(text), undefined, text)
})

test('whatever timing is accepted, a primary gives up before its lease ends', async () => {
  const seconds = fc.integer({ min: -5, max: 100 })
  fc.assert(
    fc.property(seconds, seconds, seconds, (ttl, loop, retry) => {
      const found = read(`ttl=${ttl}`, `loop_wait=${loop}`, `retry_timeout=${retry}`)
      return typeof found === 'string' || (loop + 2 * retry <= ttl && ttl >= 20 && loop >= 1 && retry >= 3)
    }),
  )
})
