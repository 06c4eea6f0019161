import { test } from 'tap'
import { refusalOf } from '../../../scripts/lab/rules/may-follow.ts'
import type { DatabaseName } from '../../../scripts/lab/topology/topology.ts'
import { drawn, nodeOf } from './lab.ts'

const P = 'primary'

/** What is said if a standby is to follow another one, at a level that was chosen. */
function said(
  picture: Parameters<typeof drawn>[0],
  node: DatabaseName,
  upstream: DatabaseName,
  chosenLevel: string | null = null,
  fenced = false,
): string | undefined {
  const sights = drawn(picture).map((it) => (it.facts ? { ...it, facts: { ...it.facts, chosenLevel } } : it))
  const refusal = refusalOf({ node: nodeOf(node), upstream: nodeOf(upstream) }, sights, fenced)
  return refusal && `${refusal.code}: ${refusal.message}; ${refusal.fix}`
}

test('a standby may follow any database that leads to the primary, and that it does not lead to', async (t) => {
  const plain = { P, A: 'P', B: 'P', C: 'P' }
  t.equal(said(plain, 'db-replica-2', 'db-replica'), undefined)
  t.equal(said(plain, 'db-replica-2', 'db-primary'), undefined, 'as it is')
  t.equal(said({ ...plain, B: 'A' }, 'db-replica-3', 'db-replica-2'), undefined, 'several levels')
  t.equal(said({ ...plain, A: 'B', B: 'A' }, 'db-replica', 'db-primary'), undefined, 'out of a circle')
  t.match(said(plain, 'db-primary', 'db-replica'), /^PRIMARY_FOLLOWS_NOBODY: db-primary is the primary/)
  t.match(said(plain, 'db-replica', 'db-replica'), /^FOLLOWS_ITSELF: .*replication\.ts follow db-replica db-primary/)
  t.match(
    said({ ...plain, B: 'A' }, 'db-replica', 'db-replica-2'),
    /^WOULD_CIRCLE: db-replica-2 gets its WAL from db-repl/,
  )
  t.match(said({ ...plain, B: 'A', C: 'B' }, 'db-replica', 'db-replica-3'), /^WOULD_CIRCLE/)
  t.match(
    said({ ...plain, B: 'silent' }, 'db-replica', 'db-replica-2'),
    /^CANNOT_FOLLOW: .*container is exited.*rejoin/,
  )
  t.match(said({ ...plain, A: 'silent' }, 'db-replica', 'db-replica-2'), /^CANNOT_FOLLOW: .*db-replica: .*exited/)
  t.match(said({ ...plain, B: 'silent' }, 'db-replica', 'db-replica-2', null, true), /db-replica-2 is fenced/)
  t.match(said({ P, A: 'P', B: 'C', C: 'silent' }, 'db-replica', 'db-replica-2'), /db-replica-2 itself gets no WAL/)
  t.throws(() => said({ P: 'silent', A: 'P', B: 'P' }, 'db-replica', 'db-replica-2'), { code: 'NO_PRIMARY' })
})

test('a standby that commits need stays a direct one', async (t) => {
  const plain = { P, A: 'P', B: 'P', C: 'P' }
  const move = (level: string, picture = plain) => said(picture, 'db-replica-2', 'db-replica', level)
  for (const level of ['async', 'on', 'on any 1', 'on any 2', 'remote_apply first db-replica', 'async any 3'])
    t.equal(move(level), undefined, level)
  t.match(
    move('on any 3'),
    /^NEEDED_DIRECTLY: .*at level on any 3 commits wait for any 3 standbys, and only 2 would be left/,
  )
  t.match(move('on any 2', { ...plain, C: 'A' }), /only 1 would be left.*replication\.ts on/)
  t.match(move('on first db-replica-2'), /commits wait for db-replica-2 first/)
  t.equal(said({ ...plain, B: 'A' }, 'db-replica-2', 'db-primary', 'on any 3'), undefined, 'back')
})
