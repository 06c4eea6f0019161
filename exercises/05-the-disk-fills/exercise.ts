import { z } from 'zod'
import {
  defineExercise,
  finding,
  holdsVotes,
  isPrimary,
  isStandby,
  type Stage,
} from '../../scripts/lab/exercise/face.ts'

/** WAL that is written after the standby is gone, MiB. */
const WRITTEN = 160
const VOTES = { ann: 'Yes', bob: 'No' }

export const exercise = defineExercise({
  minutes: 15,
  notes: z.object({ poll: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('Free fruit?', ['Yes', 'No'])
    await stage.vote(poll, VOTES)
    await stage.change('db-primary', "select pg_create_physical_replication_slot('reporting', true)")
    await stage.change(
      'db-primary',
      `do $$ begin for mebibyte in 1..${WRITTEN} loop perform pg_logical_emit_message(false, 'night', repeat('x', 1048576)); end loop; end $$`,
    )
    return { poll }
  },
  given: (_, { poll }) => [`the poll "Free fruit?"  ${poll}`],
  check: (stage, { poll }) =>
    Promise.all([
      finding(
        'db-primary keeps no WAL for a standby that is gone',
        `pg_replication_slots: ${stage.type.session('db-primary')}`,
        async () => {
          const unread = await stage.ask(
            'db-primary',
            // A slot that is lost keeps nothing any more.
            "select pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) from pg_replication_slots where not active and coalesce(wal_status, '') <> 'lost' and restart_lsn is not null",
          )
          const kept = unread.replaceAll('\n', ', ')
          return {
            ok: unread === '',
            seen: unread === '' ? 'none' : `it keeps ${kept} in slots that no standby uses`,
          }
        },
      ),
      finding(
        'db-replica uses its own slot, db_replica',
        `pg_replication_slots: ${stage.type.session('db-primary')}`,
        async () => {
          const active = await stage.ask(
            'db-primary',
            "select active from pg_replication_slots where slot_name = 'db_replica'",
          )
          return {
            ok: active === 't',
            seen: active === 't' ? 'active' : active === 'f' ? 'no standby uses it' : 'there is no such slot',
          }
        },
      ),
      finding(
        'db-replica may be away as long as before: max_slot_wal_keep_size is 1GB',
        `pg_settings: ${stage.type.session('db-primary')}`,
        async () => {
          const kept = await stage.ask('db-primary', 'show max_slot_wal_keep_size')
          return { ok: kept === '1GB', seen: kept }
        },
      ),
      isStandby(stage, 'db-replica'),
      isPrimary(stage, 'db-primary'),
      holdsVotes(stage, 'db-primary', poll, VOTES),
    ]),
  hints: () => [
    'Why does a primary not remove old WAL? There are three possible reasons; status shows one of them.',
    'select slot_name, active, restart_lsn from pg_replication_slots. Which standby uses which slot?',
    'db-replica uses one of them. The standby that used the other one is gone for good.',
    'pg_drop_replication_slot(…) drops it. Then the next checkpoint may remove the WAL that it kept.',
  ],
  solution: (stage) => [
    {
      does: 'How much WAL does each slot keep?',
      command: stage.type.psql(
        'db-primary',
        'select slot_name, active, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) from pg_replication_slots',
      ),
    },
    {
      does: 'Drop the slot of the machine that was sold; a checkpoint may then remove the WAL that it kept',
      command: stage.type.psql('db-primary', "select pg_drop_replication_slot('reporting')", 'checkpoint'),
    },
    { does: 'See that the standby still streams', command: stage.type.verb('status'), looks: true },
  ],
  tempting: (stage) => [
    {
      does: 'limiting what any slot may keep',
      misses: 'max_slot_wal_keep_size is 1GB',
      steps: [{ does: 'limit', command: LIMIT(stage, "alter system set max_slot_wal_keep_size = '16MB'") }],
    },
    {
      does: 'resetting the lab',
      misses: 'db-primary holds these votes',
      final: true,
      steps: [{ does: 'reset', command: stage.type.verb('reset') }],
    },
    {
      does: 'dropping every slot, and letting db-replica follow without one',
      misses: 'db-replica uses its own slot',
      thorough: true,
      steps: [
        {
          does: 'follow without',
          command: stage.type.psql(
            'db-replica',
            "alter system set primary_slot_name = ''",
            'select pg_reload_conf()',
            'select pg_sleep(1)',
          ),
        },
        {
          does: 'drop',
          command: stage.type.psql(
            'db-primary',
            'select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active',
          ),
        },
      ],
    },
    {
      does: 'a checkpoint, and less WAL to keep',
      misses: 'keeps no WAL for a standby that is gone',
      thorough: true,
      steps: [{ does: 'less', command: LIMIT(stage, 'alter system set wal_keep_size = 0') }],
    },
    {
      does: 'moving the slot to the end, where it keeps what comes next',
      misses: 'keeps no WAL for a standby that is gone',
      thorough: true,
      steps: [
        {
          does: 'advance',
          command: stage.type.psql(
            'db-primary',
            "select pg_replication_slot_advance('reporting', pg_current_wal_lsn())",
            'checkpoint',
          ),
        },
      ],
    },
    {
      does: 'dropping the slot, and cutting the link a moment later',
      misses: 'db-replica is a standby that streams',
      thorough: true,
      steps: [
        { does: 'drop', command: DROP(stage) },
        { does: 'cut', command: stage.type.verb('fault', 'isolate', 'db-replica', 'db-primary') },
      ],
    },
    {
      does: 'restarting the primary',
      misses: 'keeps no WAL for a standby that is gone',
      thorough: true,
      steps: [
        { does: 'restart', command: stage.type.docker('restart', 'db-primary') },
        { does: 'wait', command: stage.type.verb('setup') },
      ],
    },
    {
      does: 'a switchover to the standby, which has no such slot',
      misses: 'db-primary is the primary',
      thorough: true,
      steps: [{ does: 'swap', command: stage.type.verb('switchover') }],
    },
    {
      does: 'dropping the slot, and removing the limit',
      misses: 'max_slot_wal_keep_size is 1GB',
      thorough: true,
      steps: [
        { does: 'drop', command: DROP(stage) },
        { does: 'no limit', command: LIMIT(stage, 'alter system set max_slot_wal_keep_size = -1') },
      ],
    },
    {
      does: 'dropping the slot while db-replica is down',
      misses: 'db-replica is a standby that streams',
      thorough: true,
      steps: [
        { does: 'stop', command: stage.type.docker('stop', 'db-replica') },
        { does: 'drop', command: DROP(stage) },
      ],
    },
  ],
  also: (stage) => [
    {
      does: 'a limit that makes the slot lost, then the old limit again',
      steps: [
        { does: 'limit', command: LIMIT(stage, "alter system set max_slot_wal_keep_size = '16MB'") },
        { does: 'the old limit', command: LIMIT(stage, 'alter system reset max_slot_wal_keep_size') },
      ],
    },
    {
      does: 'dropping every slot that no standby uses, without a checkpoint',
      thorough: true,
      steps: [
        {
          does: 'drop',
          command: stage.type.psql(
            'db-primary',
            'select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active',
          ),
        },
      ],
    },
    {
      does: 'dropping the slot, and restarting both databases',
      thorough: true,
      steps: [
        { does: 'drop', command: DROP(stage) },
        { does: 'restart', command: stage.type.docker('restart', 'db-replica') },
        { does: 'restart', command: stage.type.docker('restart', 'db-primary') },
        { does: 'wait', command: stage.type.verb('setup') },
      ],
    },
  ],
})

const DROP = (stage: Stage): string =>
  stage.type.psql('db-primary', "select pg_drop_replication_slot('reporting')", 'checkpoint')

const LIMIT = (stage: Stage, setting: string): string =>
  stage.type.psql('db-primary', setting, 'select pg_reload_conf()', 'select pg_sleep(0.5)', 'checkpoint')
