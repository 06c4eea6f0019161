import { z } from 'zod'
import { defineExercise, finding, isPrimary, isStandby } from '../../scripts/lab/exercise/face.ts'

/** WAL written since nobody reads it any more, MiB. */
const WRITTEN = 160

export const exercise = defineExercise({
  minutes: 15,
  notes: z.object({}),
  async setup(stage) {
    await stage.change('db-primary', "select pg_create_physical_replication_slot('reporting', true)")
    await stage.change(
      'db-primary',
      `do $$ begin for mebibyte in 1..${WRITTEN} loop perform pg_logical_emit_message(false, 'night', repeat('x', 1048576)); end loop; end $$`,
    )
    return {}
  },
  check: (stage) =>
    Promise.all([
      finding(
        'db-primary has no slot of a reader who is gone',
        `pg_replication_slots: ${stage.type.session('db-primary')}`,
        async () => {
          const unread = await stage.ask(
            'db-primary',
            "select coalesce(pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 'none any more, for it is lost') from pg_replication_slots where not active",
          )
          const kept = unread.replaceAll('\n', ', ')
          return {
            ok: unread === '',
            seen: unread === '' ? 'every slot is read' : `nobody reads a slot, which keeps ${kept}`,
          }
        },
      ),
      finding(
        'db-replica reads through its own slot, db_replica',
        `pg_replication_slots: ${stage.type.session('db-primary')}`,
        async () => {
          const active = await stage.ask(
            'db-primary',
            "select active from pg_replication_slots where slot_name = 'db_replica'",
          )
          return {
            ok: active === 't',
            seen: active === 't' ? 'active' : active === 'f' ? 'there, and not read' : 'there is no such slot',
          }
        },
      ),
      finding(
        'what protects db-replica while it is away stays: max_slot_wal_keep_size is 1GB',
        `pg_settings: ${stage.type.session('db-primary')}`,
        async () => {
          const kept = await stage.ask('db-primary', 'show max_slot_wal_keep_size')
          return { ok: kept === '1GB', seen: kept }
        },
      ),
      isStandby(stage, 'db-replica'),
      isPrimary(stage, 'db-primary'),
    ]),
  hints: () => [
    'What keeps a primary from removing old WAL? There are three reasons; status shows one of them.',
    'select slot_name, active, restart_lsn from pg_replication_slots. Who reads which?',
    'One of them is read by db-replica. Whoever read the other one is gone for good.',
    'pg_drop_replication_slot(…) ends it; the next checkpoint removes what it kept.',
  ],
  solution: (stage) => [
    {
      does: 'Who keeps how much?',
      command: stage.type.psql(
        'db-primary',
        'select slot_name, active, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) from pg_replication_slots',
      ),
    },
    {
      does: 'Drop the slot of the machine that was sold; a checkpoint removes what it kept',
      command: stage.type.psql('db-primary', "select pg_drop_replication_slot('reporting')", 'checkpoint'),
    },
    { does: 'The standby still streams', command: stage.type.verb('status'), looks: true },
  ],
  tempting: (stage) => [
    {
      does: 'limiting what any slot may keep',
      misses: 'has no slot of a reader who is gone',
      steps: [
        {
          does: 'limit',
          command: stage.type.psql(
            'db-primary',
            "alter system set max_slot_wal_keep_size = '16MB'",
            'select pg_reload_conf()',
            'checkpoint',
          ),
        },
      ],
    },
  ],
})
