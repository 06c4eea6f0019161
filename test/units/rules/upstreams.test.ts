import fc from 'fast-check'
import { test } from 'tap'
import {
  aroundFormerPrimaries,
  directOf,
  dueFor,
  isReached,
  toPointAt,
  upstreamsFirst,
  wayTo,
  wouldCircle,
} from '../../../scripts/lab/rules/upstreams.ts'
import { drawn, lettersOf, nodeOf, sight, theOne } from './lab.ts'

const P = 'primary'

test('the way to a standby is followed over standbys that answer, and the end says where it leads', async (t) => {
  const cases: readonly (readonly [Parameters<typeof drawn>[0], string, string])[] = [
    [{ P, A: 'P' }, 'P', 'primary'],
    [{ P, A: 'B', B: 'P' }, 'BP', 'primary'],
    [{ P, A: 'B', B: 'C', C: 'P' }, 'BCP', 'primary'],
    [{ P, A: 'B', B: 'silent' }, 'B', 'silent'],
    [{ P, A: 'B', B: 'C', C: 'silent' }, 'BC', 'silent'],
    [{ P: 'silent', A: 'P' }, 'P', 'silent'],
    [{ P, A: 'B', B: 'A' }, 'B', 'circle'],
    [{ P, A: 'A' }, '', 'circle'],
    [{ P, A: 'B', B: 'C', C: 'B' }, 'BC', 'circle'],
    [{ P, A: 'other.example.org' }, '', 'elsewhere'],
    [{ P, A: 'C', B: 'P' }, '', 'elsewhere'],
    [{ P, A: '' }, '', 'elsewhere'],
    [{ P: 'silent', A: 'silent' }, '', 'elsewhere'],
    [{ P: 'P', A: 'P', B: P }, 'P', 'circle'],
  ]
  for (const [picture, over, ends] of cases) {
    const sights = drawn(picture)
    const way = wayTo(theOne('A', sights), sights)
    t.strictSame([lettersOf(way.over), way.ends], [over, ends], JSON.stringify(picture))
  }
})

test('a primary that was left behind leads nowhere, whatever upstream its settings name', async (t) => {
  const sights = drawn({ P, A: 'P', B: P })
  const newer = sights.map((it) =>
    it.node.name === 'db-replica-2' && it.facts
      ? { ...it, facts: { ...it.facts, timeline: 2, upstream: 'db-primary' } }
      : it,
  )
  t.match(wayTo(theOne('A', newer), newer), { ends: 'elsewhere' })
  t.match(dueFor(theOne('A', newer), newer), { upstream: { node: { name: 'db-replica-2' } }, lost: undefined })
})

test('a standby has to follow its upstream if that leads to the primary, else the primary; who is silent is named', async (t) => {
  const cases: readonly (readonly [Parameters<typeof drawn>[0], string | undefined, string | undefined])[] = [
    [{ P, A: 'P' }, 'P', undefined],
    [{ P, A: 'B', B: 'P' }, 'B', undefined],
    [{ P, A: 'B', B: 'C', C: 'P' }, 'B', undefined],
    [{ P, A: 'B', B: 'silent' }, 'P', 'its upstream db-replica-2'],
    [{ P, A: 'B', B: 'C', C: 'silent' }, 'P', 'db-replica-3, which its upstream db-replica-2 follows,'],
    [{ P, A: 'B', B: 'A' }, 'P', undefined],
    [{ P, A: 'other.example.org' }, 'P', undefined],
    [{ P: 'silent', A: 'P' }, undefined, 'its upstream db-primary'],
  ]
  for (const [picture, upstream, lost] of cases) {
    const sights = drawn(picture)
    const due = dueFor(theOne('A', sights), sights)
    t.strictSame([due.upstream && lettersOf([due.upstream]), due.lost], [upstream, lost], JSON.stringify(picture))
  }
})

test('one that does not answer has to follow the upstream that it chose, if that leads to the primary', async (t) => {
  const sights = drawn({ P, A: 'silent', B: 'P', C: 'silent' })
  const due = (upstream: string) => dueFor(theOne('A', sights), sights, upstream).upstream?.node.name
  t.equal(due('db-replica-2'), 'db-replica-2')
  t.equal(due('db-replica-3'), 'db-primary')
})

test('commits can wait for those that follow no other standby, and for those that do not answer', async (t) => {
  const cases: readonly (readonly [Parameters<typeof drawn>[0], string])[] = [
    [{ P, A: 'P', B: 'P', C: 'P' }, 'ABC'],
    [{ P, A: 'P', B: 'A', C: 'B' }, 'A'],
    [{ P, A: 'P', B: 'A', C: 'silent' }, 'AC'],
    [{ P, A: 'silent', B: 'A' }, 'AB'],
    [{ P: 'silent', A: 'P', B: 'A', C: 'P' }, 'AC'],
    [{ P, A: 'B', B: 'A', C: 'A' }, 'ABC'],
  ]
  for (const [picture, direct] of cases)
    t.equal(lettersOf(directOf(nodeOf('db-primary'), drawn(picture))), direct, JSON.stringify(picture))
})

/** Any lab with three standbys, sound or not. */
const anyLab = fc.record({
  P: fc.constantFrom('primary', 'silent'),
  ...{ A: fc.constantFrom('P', 'B', 'C', 'silent', 'x', ''), B: fc.constantFrom('P', 'A', 'C', 'silent', 'x', '') },
  C: fc.constantFrom('P', 'A', 'B', 'silent', 'x', ''),
})

test('there is always somebody that commits can wait for, so that no level turns into async by itself', async (t) => {
  fc.assert(fc.property(anyLab, (picture) => directOf(nodeOf('db-primary'), drawn(picture)).length > 0))
  t.pass()
})

test('a standby is reached only if each on the way sends to the next one', async (t) => {
  const sights = drawn({ P, A: 'B', B: 'P' })
  t.ok(isReached(theOne('A', sights), sights))
  const deaf = sights.map((it) =>
    it.node.name === 'db-primary' && it.facts ? { ...it, facts: { ...it.facts, standbys: [] } } : it,
  )
  t.notOk(isReached(theOne('A', deaf), deaf))
  const lost = drawn({ P, A: 'B', B: 'silent' })
  t.notOk(isReached(theOne('A', lost), lost))
})

test('nobody may follow itself, directly or over others', async (t) => {
  const sights = drawn({ P, A: 'P', B: 'A', C: 'B' })
  const circle = (node: Parameters<typeof nodeOf>[0], upstream: 'P' | 'A' | 'B' | 'C') =>
    wouldCircle(nodeOf(node), theOne(upstream, sights), sights)
  t.strictSame([circle('db-replica', 'A'), circle('db-replica', 'B'), circle('db-replica', 'C')], [true, true, true])
  t.strictSame(
    [circle('db-replica-3', 'A'), circle('db-replica-3', 'P'), circle('db-replica-2', 'P')],
    [false, false, false],
  )
})

test('a promotion points those at the new primary that nobody else leads to it', async (t) => {
  const cases: readonly (readonly [Parameters<typeof drawn>[0], string])[] = [
    // All followed the old primary.
    [{ A: 'P', B: 'P', C: 'P' }, 'BC'],
    // Who follows the promoted one stays, and so does who follows another standby.
    [{ A: 'P', B: 'A', C: 'P' }, 'C'],
    [{ A: 'P', B: 'P', C: 'B' }, 'B'],
    [{ A: 'P', B: 'A', C: 'B' }, ''],
    // The promoted one followed another standby.
    [{ A: 'B', B: 'P', C: 'P' }, 'BC'],
    [{ A: 'B', B: 'C', C: 'P' }, 'C'],
    [{ A: 'B', B: 'P', C: 'B' }, 'B'],
    // Its upstream is gone.
    [{ A: 'P', B: 'silent', C: 'B' }, 'BC'],
    // Circles by hand.
    [{ A: 'B', B: 'A', C: 'P' }, 'C'],
    [{ A: 'P', B: 'C', C: 'B' }, 'BC'],
  ]
  for (const [picture, pointed] of cases) {
    const sights = drawn(picture)
    const others = sights.filter(({ node }) => node.name !== 'db-replica')
    t.equal(lettersOf(toPointAt(theOne('A', sights), others)), pointed, JSON.stringify(picture))
  }
  const removed = sight('db-replica-3', undefined, 'absent')
  t.strictSame(toPointAt(theOne('A', drawn({ A: 'P' })), [removed]), [], 'no note can be written for it')
})

test('after a promotion all that answer lead to the new primary, whatever it was before', async (t) => {
  fc.assert(
    fc.property(anyLab, ({ P: _, ...picture }) => {
      const before = drawn({ ...picture, A: picture.A === 'silent' ? 'P' : picture.A })
      const promoted = theOne('A', before)
      const others = before.filter((it) => it !== promoted)
      const pointed = toPointAt(promoted, others)
      const after = before.map((it) => {
        if (it.facts === undefined) return it
        if (it === promoted) return { ...it, facts: { ...it.facts, inRecovery: false } }
        return pointed.includes(it) ? { ...it, facts: { ...it.facts, upstream: 'db-replica' } } : it
      })
      return after.every((it) => it.facts?.inRecovery !== true || wayTo(it, after).ends === 'primary')
    }),
  )
  t.pass()
})

test('upstreams come before those that follow them; otherwise the order stays, also in a circle', async (t) => {
  const order = (follows: Readonly<Record<string, string>>) =>
    upstreamsFirst(Object.entries(follows).map(([name, upstream]) => ({ name, upstream })))
      .map(({ name }) => name)
      .join('')
  t.equal(order({ A: 'P', B: 'P', C: 'P' }), 'ABC')
  t.equal(order({ A: 'B', B: 'C', C: 'P' }), 'CBA')
  t.equal(order({ A: 'C', B: 'P', C: 'P' }), 'BCA')
  t.equal(order({ A: 'B', B: 'A', C: 'P' }).length, 3)
})

test('who follows a former primary is to follow the primary; who follows a standby stays there', async (t) => {
  const upstreams = (follows: Readonly<Record<string, string | undefined>>) =>
    aroundFormerPrimaries(
      Object.entries(follows).map(([name, upstream]) => ({ name, upstream })),
      'P',
    )
      .map(({ name, upstream }) => `${name}${upstream}`)
      .join(' ')
  t.equal(upstreams({ A: 'P', B: 'A', C: 'B' }), 'AP BA CB')
  t.equal(upstreams({ A: undefined, B: 'A', C: 'B' }), 'AP BP CB', 'A was the primary')
  t.equal(upstreams({ A: undefined, B: 'elsewhere', C: 'P' }), 'AP BP CP')
})
