import fc from 'fast-check'
import { test } from 'tap'
import { type PageEnd, pageToken, parsePageToken } from '../../../server/page-token.ts'

const YEAR_9999 = 253_402_300_799_999_999n

const pageEnd = fc.record<PageEnd>({
  createdAt: fc.bigInt({ min: 0n, max: YEAR_9999 }),
  id: fc.uuid(),
  seenUpTo: fc.option(
    fc.record({
      timeline: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      lsn: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    }),
    { nil: undefined },
  ),
})

test('a page token gives back where the page ended, to the microsecond', async (t) => {
  fc.assert(
    fc.property(pageEnd, (end) => {
      const read = parsePageToken(pageToken(end))
      return (
        read?.createdAt === end.createdAt &&
        read.id === end.id &&
        read.seenUpTo?.timeline === end.seenUpTo?.timeline &&
        read.seenUpTo?.lsn === end.seenUpTo?.lsn
      )
    }),
  )
  t.pass()
})

test('a text that is not a page token is recognised', async (t) => {
  fc.assert(fc.property(fc.string(), (text) => parsePageToken(text) === undefined))
  fc.assert(fc.property(fc.base64String({ maxLength: 80 }), (text) => text.length === 50 || !parsePageToken(text)))
  t.pass()
})

test('a token is read in one spelling only, and of its own version only', async (t) => {
  fc.assert(
    fc.property(pageEnd, fc.nat(49), fc.constantFrom(...'AZaz09-_'), (end, at, character) => {
      const token = pageToken(end)
      const changed = token.slice(0, at) + character + token.slice(at + 1)
      const read = parsePageToken(changed)
      return read === undefined || pageToken(read) === changed
    }),
  )
  const token = pageToken({ createdAt: 0n, id: '00000000-0000-4000-8000-000000000000', seenUpTo: undefined })
  t.ok(parsePageToken(token))
  t.equal(parsePageToken(`Ag${token.slice(2)}`), undefined)
})

test('no token makes a time that the database could not take', async (t) => {
  const id = '00000000-0000-4000-8000-000000000000'
  for (const createdAt of [-1n, YEAR_9999 + 2n, 2n ** 63n - 1n])
    t.equal(parsePageToken(pageToken({ createdAt, id, seenUpTo: undefined })), undefined)
})
