import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { broken, fault, faults, healed } from '../faults.ts'
import { docker, lab, patience, sql } from '../the-lab.ts'

/** Seconds in which the standby has flushed half a MiB of WAL. */
const secondsToReplicate = async (): Promise<number> =>
  Number(
    await sql(
      'db-primary',
      `select clock_timestamp() as begun \\gset
       select from pg_logical_emit_message(true, 'fault', repeat('x', 524288));
       select pg_current_wal_lsn() as written \\gset
       set lab.written = :'written';
       do $$ begin
         for look in 1..6000 loop
           exit when exists (select from pg_stat_replication where flush_lsn >= current_setting('lab.written')::pg_lsn);
           perform pg_sleep(0.005);
           perform pg_stat_clear_snapshot();
         end loop;
       end $$;
       select extract(epoch from clock_timestamp() - :'begun')`,
    ),
  )

test('slow limits what a node sends to its peer', async (t) => {
  const quick = await secondsToReplicate()
  await broken(t, 'slow', 'db-primary', 'db-replica', '--rate', '1000')
  t.match(await faults('slow', 'db-primary'), [
    { kind: 'slow', node: 'db-primary', peer: 'db-replica', detail: '1000 kbit/s' },
  ])
  const slowly = await secondsToReplicate()
  t.ok(slowly > 4 * quick, `${quick} s, slowed ${slowly} s`)
  await healed(t, 'slow')
  // What was on its way when the limit went is lost, as on any link, and TCP takes seconds to send it again.
  await until('the link to be as fast as before', { seconds: 20, patience }, async () => {
    const again = await secondsToReplicate()
    return slowly > 4 * again ? { done: undefined } : { seen: `slowed ${slowly} s, healed ${again} s` }
  })
})

test('a delayed link is slow, or the kernel cannot and says so before anything changes', async (t) => {
  const connect = async () => {
    const from = performance.now()
    await docker(
      'exec',
      lab.databases[0]?.container ?? '',
      'bash',
      '-c',
      'for n in 1 2 3 4 5; do exec 3<>/dev/tcp/db-replica/5432; done',
    )
    return performance.now() - from
  }
  const quick = await connect()
  const ran = await fault('slow', 'db-primary', 'db-replica', '--delay', '400')
  t.teardown(() => fault('heal', 'slow'))
  if (ran.exit === 0) {
    const slowly = await connect()
    t.ok(slowly > quick + 5 * 400 * 0.9, `${quick} ms, delayed ${slowly} ms`)
    t.match(await faults('slow', 'db-primary'), [{ kind: 'slow', detail: 'delayed by 400 ms' }])
  } else {
    t.match(ran.stderr, /KERNEL_LACKS: .*qdisc kind is unknown\.\n.*nothing was changed/)
    t.strictSame(await faults('slow', 'db-primary'), [])
  }
})
