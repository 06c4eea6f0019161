import { z } from 'zod'
import { attempt } from '../engine/docker.ts'
import type { DatabaseNode, Lab } from '../topology.ts'

const Observation = z.object({
  inRecovery: z.boolean(),
  timeline: z.number().nullable(),
  lsn: z.string().nullable(),
  receivedLsn: z.string().nullable(),
  receiver: z.string().nullable(),
  replayPaused: z.boolean(),
  replayAgeSeconds: z.number().nullable(),
  slots: z.array(z.object({ name: z.string(), active: z.boolean(), retainedBytes: z.number().nullable() })),
  standbys: z.array(
    z.object({ name: z.string(), state: z.string(), sync: z.string(), replayLagSeconds: z.number().nullable() }),
  ),
})

/** What a database says about itself, or why it says nothing. */
export type Observation = z.infer<typeof Observation> | { readonly unreachable: string }

// A standby knows the timeline it receives, a primary the one it writes. pg_control_checkpoint() would be
// behind after a promotion until the next checkpoint.
const OBSERVE = `
select json_build_object(
  'inRecovery', r,
  'timeline', case when r then coalesce((select received_tli from pg_stat_wal_receiver), (select timeline_id from pg_control_checkpoint()))
              else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end,
  'lsn', case when r then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
  'receivedLsn', case when r then pg_last_wal_receive_lsn() end,
  'receiver', (select status from pg_stat_wal_receiver),
  'replayPaused', case when r then pg_is_wal_replay_paused() else false end,
  'replayAgeSeconds', case when r then extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end,
  'slots', coalesce((select json_agg(json_build_object('name', slot_name, 'active', active, 'retainedBytes',
      pg_wal_lsn_diff(case when r then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn)) order by slot_name)
      from pg_replication_slots), '[]'),
  'standbys', coalesce((select json_agg(json_build_object('name', application_name, 'state', state, 'sync', sync_state,
      'replayLagSeconds', extract(epoch from replay_lag)) order by application_name) from pg_stat_replication), '[]'))
from (select pg_is_in_recovery() as r) as it`

/**
 * Looks into a database from inside its container: that works whatever is wrong with the network.
 * @param seconds after which no answer is the answer; a frozen database gives none
 */
export async function observe(lab: Lab, node: DatabaseNode, seconds = 3): Promise<Observation> {
  const limit = Math.ceil(seconds * lab.settings.patience)
  const asked = await attempt(
    ['exec', '-i', node.container, 'timeout', String(limit), 'psql', '-XAtq', '-d', 'polling', '-f', '-'],
    OBSERVE,
  )
  if (asked.exit === 124) return { unreachable: `no answer in ${limit} s` }
  if (asked.exit !== 0) return { unreachable: asked.stderr.split('\n').at(-1) || `exit ${asked.exit}` }
  return Observation.parse(JSON.parse(asked.stdout))
}

/** Bytes of WAL up to an LSN such as `0/3000148`. */
export function bytesOf(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/')
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`)
}
