import { test } from 'tap'
import { attempt } from '../../scripts/lab/docker/command.ts'
import { healthOf } from '../../scripts/lab/service/health.ts'
import { until } from '../../scripts/lab/wait.ts'
import { broken, connection, fault, faults, healed } from '../faults.ts'
import { addressOf, containerOf, patience, sql } from '../the-lab.ts'

test('isolate from a peer: packets vanish silently in both directions; other peers notice nothing', async (t) => {
  await broken(t, 'isolate', 'db-replica', 'db-primary')
  t.match(await faults('isolate', 'db-replica'), [
    { kind: 'isolate', node: 'db-replica', peer: 'db-primary', way: 'in' },
    { kind: 'isolate', node: 'db-replica', peer: 'db-primary', way: 'out' },
  ])
  const before = await sql('db-replica', 'select pg_last_wal_receive_lsn()')
  await sql('db-primary', "insert into poll (id, question, options) values (gen_random_uuid(), 'Cut off?', '{a,b}')")
  t.equal(await connection('db-replica', 'db-primary'), 'silent')
  t.equal(await connection('db-primary', 'db-replica'), 'silent')
  t.equal(await connection('backup', 'db-replica'), 'open')
  t.equal(await sql('db-replica', 'select pg_last_wal_receive_lsn()'), before, 'no WAL arrives')
  await healed(t, 'isolate')
  t.equal(await connection('db-replica', 'db-primary'), 'open')
  const written = await sql('db-primary', 'select pg_current_wal_lsn()')
  await until('the standby to have it all', { seconds: 20, patience }, async () => {
    const seen = await sql('db-replica', 'select pg_last_wal_receive_lsn()')
    return (await sql('db-replica', `select '${seen}'::pg_lsn >= '${written}'`)) === 't'
      ? { done: undefined }
      : { seen }
  })
})

/** The callers of connections to db-replica that are half open. */
async function halfOpen(): Promise<readonly string[]> {
  const callers = 'awk \'$4 == "03" { print $3 }\' /proc/net/tcp'
  const { stdout } = await attempt(['exec', containerOf('db-replica'), 'bash', '-c', callers])
  return stdout.split('\n').filter((caller) => caller !== '')
}

/** Does a call of db-primary reach db-replica, if only to be answered in vain? */
async function reached(): Promise<boolean> {
  // One that came earlier stays half open for up to a minute.
  const before = await halfOpen()
  const [, seen] = await Promise.all([
    connection('db-primary', 'db-replica'),
    until('half a connection', { seconds: 1, patience }, async () => {
      const now = await halfOpen()
      return now.every((caller) => before.includes(caller)) ? { seen: now.join(' ') || 'none' } : { done: true }
    }).catch(() => false),
  ])
  return seen
}

test('isolate one way: packets that go out are dropped; packets that come in are not, until somebody asks for it', async (t) => {
  await broken(t, 'isolate', 'db-replica', 'db-primary', '--only', 'out')
  t.equal(await reached(), true)
  t.match(await faults('isolate', 'db-replica'), [{ way: 'out' }])
  t.equal((await fault('isolate', 'db-replica', 'db-primary', '--only', 'in')).exit, 0)
  t.equal(await reached(), false)
  t.match(await faults('isolate', 'db-replica'), [{ way: 'in' }, { way: 'out' }])
  await healed(t, 'isolate')
})

test("isolate from all others leaves the user's own access, unless asked for", async (t) => {
  const health = () => healthOf(addressOf('primary'), 2 * patience)
  await broken(t, 'isolate', 'primary')
  t.match(await health(), /SERVING$/, 'it answers')
  t.equal(await connection('loader', 'primary'), 'silent')
  const ran = await fault('isolate', 'primary', '--host')
  t.equal(ran.exit, 0)
  t.equal((ran.stderr.match(/iptables -w -A/g) ?? []).length, 4, 'only what was missing is added')
  t.match(await health(), /DEADLINE_EXCEEDED|UNAVAILABLE/)
  t.strictSame(
    new Set((await faults('isolate', 'primary')).map(({ peer }) => peer)),
    new Set(['db-primary', 'db-replica', 'backup', 'loader', 'host']),
  )
  await healed(t, 'isolate')
  t.equal(await health(), 'SERVING')
})
