import fc from 'fast-check'
import { test } from 'tap'
import { countable, refusalOf } from '../../../server/rpc/gate.ts'
import { LIMITS } from '../../../server/rpc/validation.ts'

const CALL = {
  ':method': 'POST',
  ':path': '/polling.VoteService/CastVote',
  'content-type': 'application/grpc',
  te: 'trailers',
}
const refusal = (more: Record<string, string>, again: [string, string][] = []) => {
  const headers = { ...CALL, ...more }
  return refusalOf(headers, [...Object.entries(headers), ...again].flat())
}

test('a call as libraries make it passes', async (t) => {
  const usual = {
    'grpc-timeout': '9999m',
    'grpc-encoding': 'identity',
    'grpc-accept-encoding': 'identity,deflate,gzip',
    'user-agent': 'grpc-node-js/1.14.7',
    'idempotency-key': ' with spaces ',
    'grpc-trace-bin': 'AAAA',
  }
  t.equal(refusal(usual), undefined)
  t.equal(refusal({ 'content-type': 'application/grpc+proto' }), undefined)
})

test('each call that is refused is told which of its headers is wrong', async (t) => {
  const cases: [Record<string, string>, string][] = [
    [{ ':method': 'GET' }, ':method'],
    [{ 'content-type': 'application/json' }, 'content-type'],
    [{ 'grpc-timeout': '' }, 'grpc-timeout'],
    [{ 'grpc-timeout': '1' }, 'grpc-timeout'],
    [{ 'grpc-timeout': '-1S' }, 'grpc-timeout'],
    [{ 'grpc-timeout': '1S1' }, 'grpc-timeout'],
    [{ 'grpc-timeout': '999999999S' }, 'grpc-timeout'],
    [{ 'grpc-encoding': 'x'.repeat(21) }, 'grpc-encoding'],
    [{ 'idempotency-key': 'é' }, 'idempotency-key'],
    [{ 'consistency-token': 'a\tb' }, 'consistency-token'],
    [{ 'idempotency-key-bin': 'AAAA' }, 'idempotency-key-bin'],
    [{ 'not!legal': 'x' }, 'metadata'],
  ]
  for (const [headers, field] of cases)
    t.match(refusal(headers), { failure: 'INVALID_FIELD', violation: { field } }, JSON.stringify(headers))
  for (const name of ['idempotency-key', 'consistency-token'])
    t.match(refusal({ [name]: 'a' }, [[name, 'a']]), { violation: { field: name, description: 'must be given once' } })
  t.equal(refusal({ other: 'a' }, [['other', 'a']]), undefined, 'what is not read may be repeated')
})

test('only a path of a service and a method passes, so no long path does', async (t) => {
  for (const path of ['', '*', '/', '/a', '/a/b/c', '/a/b?c', '/a/b#c', '/%ff/b', `/a/${'b'.repeat(101)}`])
    t.match(refusal({ ':path': path }), { failure: 'UNKNOWN_METHOD' }, path)
})

test('metadata is counted as HTTP/2 does, with 32 bytes for an entry', async (t) => {
  const left =
    LIMITS.metadataBytes -
    Object.entries(CALL)
      .flat()
      .reduce((sum, it) => sum + it.length + 16, 0)
  t.equal(refusal({ x: 'y'.repeat(left - 33) }), undefined)
  t.match(refusal({ x: 'y'.repeat(left - 32) }), { failure: 'METADATA_TOO_LARGE' })
})

test('whatever is refused, the message is short', async (t) => {
  const text = fc.string({ unit: 'binary-ascii', maxLength: 3000 })
  fc.assert(
    fc.property(
      fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(CALL), 'grpc-timeout', 'grpc-encoding'), text), text),
      (headers) => {
        const message = refusal(headers)?.message ?? ''
        return message.length < 250 && message.isWellFormed()
      },
    ),
  )
  t.pass()
})

test('every timeout is one that a timer can count, and none that it can count is changed', async (t) => {
  const longest = 2 ** 31 - 1
  const ms = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 } as const
  const unit = fc.constantFrom('H', 'M', 'S', 'm', 'u', 'n' as const)
  fc.assert(
    fc.property(fc.nat(99_999_999), unit, (amount, unit) => {
      const timeout = `${amount}${unit}`
      const counted = countable(timeout)
      const now = Number(counted.slice(0, -1)) * ms[counted.slice(-1) as keyof typeof ms]
      return now <= longest && (counted === timeout || amount * ms[unit] > longest - ms.H)
    }),
  )
  t.equal(countable('99999999H'), '596H')
  t.equal(countable('2592001S'), '596H')
  t.equal(countable('596H'), '596H')
})
