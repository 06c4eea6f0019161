import fc from 'fast-check'
import { test } from 'tap'
import { LabError } from '../../../scripts/lab/errors.ts'
import { momentIn, momentText } from '../../../scripts/lab/rules/moment.ts'

test('a moment is read with its time zone, however it is written', async (t) => {
  const at = Date.UTC(2026, 10, 25, 8, 39, 59)
  for (const text of [
    '2026-11-25 09:39:59+01',
    '2026-11-25 09:39:59 +01:00',
    '2026-11-25T09:39:59+0100',
    '2026-11-25 08:39:59Z',
    '2026-11-25 03:09:59-05:30',
    ' 2026-11-25 08:39:59.000+00 ',
  ])
    t.equal(momentIn(text), at, text)
  t.equal(momentIn('2026-11-25 09:39+01'), at - 59_000)
})

test('a moment without a zone is refused with the same moment on this machine; what is no moment, too', async (t) => {
  for (const [text, code] of [
    ['2026-11-25 09:39:59', 'MOMENT_WITHOUT_ZONE'],
    ['2026-11-25 09:39', 'MOMENT_WITHOUT_ZONE'],
    ['2026-02-31 09:39:59+01', 'NO_MOMENT'],
    ['2026-11-25 25:00:00+01', 'NO_MOMENT'],
    ['2026-11-25', 'NO_MOMENT'],
    ['09:40', 'NO_MOMENT'],
    ['yesterday', 'NO_MOMENT'],
    ['', 'NO_MOMENT'],
    ["2026-11-25 09:39:59+01'; drop table vote", 'NO_MOMENT'],
  ] as const) {
    const refused = (() => {
      try {
        return momentIn(text)
      } catch (error) {
        return error
      }
    })()
    if (!(refused instanceof LabError)) t.fail(`${text}: ${String(refused)}`)
    else t.equal(refused.code, code, text)
  }
})

test('what is written is read again, to the microsecond, as psql shows a time', async (t) => {
  t.equal(momentText(momentIn('2026-11-25 09:39:59.123456+01')), '2026-11-25 08:39:59.123456+00')
  t.equal(momentText(momentIn('2026-11-25 09:39:59.1+01')), '2026-11-25 08:39:59.100+00')
  const [min, max] = [new Date('1971-01-01'), new Date('2255-01-01')]
  fc.assert(
    fc.property(fc.date({ min, max, noInvalidDate: true }), fc.nat({ max: 999 }), (date, microseconds) => {
      const at = date.getTime() + microseconds / 1000
      return momentIn(momentText(at)) === at
    }),
  )
})
