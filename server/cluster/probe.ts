import pg from 'pg'
import type { DatabaseAddress } from '../settings.ts'
import { connectionConfig, type Identity, wireOf } from './connection.ts'

/** What a database says about itself. On a standby `timeline` is a lower bound, from its last restartpoint. */
export type ProbeAnswer = { inRecovery: boolean; timeline: number; lsn: string }

/** Asks one database, over a connection that stays open between probes. Throws if that fails. */
export type Probe = { ask(): Promise<ProbeAnswer>; close(): Promise<void> }

/** Milliseconds to connect, and for the answer. A frozen host still accepts connections. */
const PROBE_TIMEOUT_MS = 1000

// pg_control_checkpoint() is old after a promotion, so a primary's timeline comes from the WAL file that it writes.
const PROBE_SQL = `
  select recovery as "inRecovery",
         case when recovery then (select timeline_id from pg_control_checkpoint())
              else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end as timeline,
         case when recovery then coalesce(pg_last_wal_replay_lsn(), '0/0') else pg_current_wal_lsn() end::text as lsn
  from (select pg_is_in_recovery() as recovery offset 0) as state`

/** A probe of one database; connects when first asked. `patience` multiplies its time limit. */
export function makeProbe(address: DatabaseAddress, identity: Identity, patience: number): Probe {
  const limit = PROBE_TIMEOUT_MS * patience
  let client: pg.Client | undefined

  async function connected(): Promise<pg.Client> {
    if (client) return client
    const fresh = new pg.Client({
      ...connectionConfig(address, identity, limit),
      connectionTimeoutMillis: limit,
      query_timeout: limit,
    })
    // A lost connection is noticed at the next question. Without this listener it would end the process.
    fresh.on('error', () => {})
    try {
      await fresh.connect()
    } catch (error) {
      drop(fresh)
      throw error
    }
    client = fresh
    return fresh
  }

  return {
    async ask() {
      const current = await connected()
      try {
        const answer = await current.query<ProbeAnswer>({ name: 'probe', text: PROBE_SQL })
        const row = answer.rows[0]
        if (!row) throw new Error('the probe query gave no row')
        return row
      } catch (error) {
        client = undefined
        drop(current)
        throw error
      }
    },
    async close() {
      const current = client
      client = undefined
      if (current) await current.end()
    },
  }
}

// Not end(): it waits for an answer that a frozen or isolated host never sends.
function drop(client: pg.Client): void {
  wireOf(client).connection.stream.destroy()
}
