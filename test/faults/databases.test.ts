import { test } from 'tap'
import { broken, fault, faults, healed } from '../faults.ts'
import { sql } from '../the-lab.ts'

test('replay-pause: the standby receives and shows nothing new, until it is healed', async (t) => {
  await broken(t, 'replay-pause', 'db-replica')
  await sql(
    'db-primary',
    "insert into poll (id, question, options) values (gen_random_uuid(), 'What is replayed?', '{a,b}')",
  )
  t.match(await faults('replay-pause', 'db-replica'), [{ kind: 'replay-pause', node: 'db-replica' }])
  t.equal(await sql('db-replica', "select count(*) from poll where question = 'What is replayed?'"), '0')
  t.match((await fault('replay-pause', 'db-primary')).stderr, /FAULT_MISFIT: .* db-primary .*\n.* standby now/)
  t.match((await fault('replay-pause', 'loader')).stderr, /FAULT_MISFIT/)
  await healed(t, 'replay-pause')
  t.equal(await sql('db-replica', 'select pg_is_wal_replay_paused()'), 'f')
})

test('slot: WAL piles up behind a slot that no standby uses, and is deleted when the fault is healed', async (t) => {
  await broken(t, 'slot', 'db-primary', '--fill', '200')
  await sql('db-primary', 'checkpoint')
  const size = Number(await sql('db-primary', 'select sum(size) from pg_ls_waldir()')) / 2 ** 20
  t.ok(size >= 200, `${size} MiB of WAL stay`)
  t.match(await faults('slot', 'db-primary'), [{ kind: 'slot', node: 'db-primary', detail: /keeps \d+\.\d MiB/ }])
  await healed(t, 'slot')
  t.equal(await sql('db-primary', "select count(*) from pg_replication_slots where slot_name <> 'db_replica'"), '0')
  t.match((await fault('slot', 'db-replica', '--fill', '10')).stderr, /FAULT_MISFIT: slot --fill/)
  t.strictSame(await faults('slot', 'db-replica'), [], 'nothing is left of what was refused')
})
