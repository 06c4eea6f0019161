import fc from 'fast-check'
import { test } from 'tap'
import { judge, lsnText, type Position, parseToken, type Standing } from '../../../server/token.ts'

const at = (text: string): Position => {
  const token = parseToken(text)
  if (!token) throw new Error(`${text} is no token`)
  return token
}
const standing = (position: string, ...history: string[]): Standing => ({
  position: at(position),
  history: history.map(at),
})

test('a token is read as it was written', async (t) => {
  const position = fc.record({
    timeline: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    lsn: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  })
  fc.assert(
    fc.property(position, ({ timeline, lsn }) => {
      const read = parseToken(`${timeline}-${lsnText(lsn)}`)
      return read?.timeline === timeline && read.lsn === lsn
    }),
  )
  t.pass()
})

test('a text that is not a token is recognised', async (t) => {
  fc.assert(fc.property(fc.string(), (text) => parseToken(text) === undefined))
  for (const text of ['', '1', '1-', '1-0', '1-0/', '0-0/1', '-1-0/1', '1-0/1 ', '1-0/1\n', '1-0/123456789', '1-g/1']) {
    t.equal(parseToken(text), undefined, JSON.stringify(text))
  }
})

test('on one timeline the position decides', async (t) => {
  t.equal(judge(at('1-0/3000148'), standing('1-0/3000148')).kind, 'reached')
  t.equal(judge(at('1-0/3000149'), standing('1-0/3000148')).kind, 'ahead')
  t.equal(judge(at('1-1/0'), standing('1-0/FFFFFFFF')).kind, 'ahead', 'compared as a number of 64 bits')
})

test('after a failover, a token up to the end of its timeline holds, and one beyond it is lost', async (t) => {
  const node = standing('3-0/9000000', '1-0/5000000', '2-0/7000000')
  t.equal(judge(at('1-0/5000000'), node).kind, 'reached')
  t.same(judge(at('1-0/5000001'), node), { kind: 'lost', endedAt: 0x5000000n })
  t.equal(judge(at('2-0/6000000'), node).kind, 'reached')
  t.same(judge(at('2-0/8000000'), node), { kind: 'lost', endedAt: 0x7000000n })
})

test('a standby that has yet to replay an older timeline is not there', async (t) => {
  t.equal(judge(at('1-0/5000000'), standing('2-0/4000000', '1-0/5000000')).kind, 'ahead')
})

test('a timeline that a node does not descend from is lost to it', async (t) => {
  t.same(judge(at('2-0/1'), standing('3-0/9000000', '1-0/5000000')), { kind: 'lost', endedAt: undefined })
})

test('a newer timeline than a node knows, or a node that says nothing: not there', async (t) => {
  t.equal(judge(at('2-0/1'), standing('1-0/9000000')).kind, 'ahead')
  t.equal(judge(at('1-0/1'), undefined).kind, 'ahead')
})
