import fc from 'fast-check'
import { test } from 'tap'
import { chooseReadable, chooseWritable, lagOf, type Sighting } from '../../../server/cluster/choose.ts'

const primary = (name: string, timeline: number, more: Partial<Sighting> = {}): Sighting => ({
  name,
  reachable: true,
  inRecovery: false,
  timeline,
  lsn: '0/1',
  problem: undefined,
  ...more,
})
const standby = (name: string, timeline: number, more: Partial<Sighting> = {}): Sighting =>
  primary(name, timeline, { inRecovery: true, ...more })

const anySightings = fc
  .array(fc.record({ reachable: fc.boolean(), inRecovery: fc.boolean(), timeline: fc.integer({ min: 0, max: 4 }) }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((nodes) => nodes.map((node, index) => primary(`db-${index}`, node.timeline, node)))

const highestOf = (sightings: Sighting[]) => Math.max(...sightings.map(({ timeline }) => timeline))

test('the reachable primary is chosen, and its timeline is the reason', async (t) => {
  t.same(chooseWritable([primary('a', 1), standby('b', 1)], 1), { writable: 'a', reason: 'primary on timeline 1' })
})

test('after a promotion the promoted node is chosen, though the old primary still answers', async (t) => {
  t.match(chooseWritable([primary('a', 1), primary('b', 2)], 2), { writable: 'b' })
})

test('a primary left behind is not chosen while the promoted one is out of sight', async (t) => {
  const choice = chooseWritable([primary('a', 1), primary('b', 2, { reachable: false, problem: 'timeout' })], 2)
  t.equal(choice.writable, undefined)
  t.match(choice.reason, /a is a primary on timeline 1, left behind by timeline 2; b is unreachable \(timeout\)/)
})

test('two primaries on one timeline: neither is chosen, and the reason names both', async (t) => {
  t.same(chooseWritable([primary('a', 2), primary('b', 2)], 2), {
    writable: undefined,
    reason: 'a and b are both primary on timeline 2',
  })
})

test('a primary on a lower timeline is never chosen, for writes or for reads', async (t) => {
  fc.assert(
    fc.property(anySightings, fc.nat(4), (sightings, before) => {
      const highest = Math.max(before, highestOf(sightings))
      const { writable } = chooseWritable(sightings, highest)
      const readable = chooseReadable(sightings, highest, 'db-0', writable)
      return sightings.every(
        ({ name, inRecovery, timeline }) =>
          (name !== writable || timeline === highest) && (name !== readable || inRecovery || timeline === highest),
      )
    }),
  )
  t.pass()
})

test('the database that is chosen for writes is reachable, out of recovery, and the only one like that', async (t) => {
  fc.assert(
    fc.property(anySightings, (sightings) => {
      const highest = highestOf(sightings)
      const candidates = sightings.filter((s) => s.reachable && !s.inRecovery && s.timeline === highest)
      return chooseWritable(sightings, highest).writable === (candidates.length === 1 ? candidates[0]?.name : undefined)
    }),
  )
  t.pass()
})

test('reads stay local while the local database answers, and come back to it', async (t) => {
  t.equal(chooseReadable([primary('a', 1), standby('b', 1)], 1, 'b', 'a'), 'b')
  t.equal(chooseReadable([primary('a', 1), standby('b', 1, { reachable: false })], 1, 'b', 'a'), 'a')
  t.equal(chooseReadable([primary('a', 1, { reachable: false }), standby('b', 1)], 1, 'a', undefined), 'b')
  t.equal(chooseReadable([primary('a', 1, { reachable: false })], 1, 'a', undefined), undefined)
})

test('lag is what the writable database has more, never negative, and unknown where histories differ', async (t) => {
  const at = (lsn: string) => ({ lsn })
  const writable = primary('a', 2, at('1/0'))
  const lags = [
    standby('b', 2, at('0/FFFFFFF0')),
    standby('b', 1, at('1/0')),
    standby('b', 2, at('1/8')),
    standby('b', 3, at('0/1')),
    standby('b', 2, { ...at('0/1'), reachable: false }),
    primary('b', 1, at('0/1')),
  ].map((seen) => lagOf(seen, [writable, seen], 'a'))
  t.same(lags, [16, 0, 0, undefined, undefined, undefined])
  t.equal(lagOf(writable, [writable], undefined), undefined, 'nor where nothing takes writes')
})
