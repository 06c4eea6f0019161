import { test } from 'tap'
import { broken, connection, fault, faults, healed } from '../faults.ts'

test('reject refuses the connections of a peer at once, both ways; others connect', async (t) => {
  await broken(t, 'reject', 'db-replica', 'db-primary')
  t.equal(await connection('db-primary', 'db-replica'), 'refused')
  t.equal(await connection('db-replica', 'db-primary'), 'refused')
  t.equal(await connection('backup', 'db-replica'), 'open')
  t.equal((await faults('reject', 'db-replica')).length, 2)
  t.equal((await fault('heal', 'reject', 'db-primary')).exit, 0, 'it is healed from either end')
  t.equal((await fault('reject', 'db-replica', 'db-primary', '--only', 'in')).exit, 0)
  t.equal(await connection('db-primary', 'db-replica'), 'refused')
  t.equal(await connection('db-replica', 'db-primary'), 'open')
  t.match(await faults('reject', 'db-replica'), [{ kind: 'reject', node: 'db-replica', peer: 'db-primary', way: 'in' }])
  await healed(t, 'reject')
  t.equal(await connection('db-primary', 'db-replica'), 'open')
})
