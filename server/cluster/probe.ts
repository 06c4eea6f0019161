import pg from 'pg'
import { causeText } from '../errors.ts'
import type { DatabaseAddress } from '../settings.ts'
import { bytesFrom } from './address.ts'
import { connectionConfig, type Identity, wireOf } from './connection.ts'
import { errorCode, isProof } from './failures.ts'
import { isSilent, Silence } from './silence.ts'

/**
 * What a database says about itself. On a standby `timeline` is a lower bound, from its last restartpoint. `born` is when its
 * data began as an empty database, milliseconds since 1970; 0 if it does not say.
 */
export type ProbeAnswer = { inRecovery: boolean; timeline: number; lsn: string; born: number }

/** Asks one database, over a connection that stays open between probes. Throws if that fails: a `Silence` if it is cut off. */
export type Probe = { ask(): Promise<ProbeAnswer>; close(): Promise<void> }

/** A probe was not answered in time, but other answers of the database came meanwhile: it is slow, or the link to it is full. */
export class Busy extends Error {
  constructor({ name }: DatabaseAddress, cause: unknown) {
    super(`database ${name} answers, but slowly: ${causeText(cause)}`, { cause })
  }
}

/** Milliseconds to connect, and for the answer. A frozen host still accepts connections. */
const PROBE_TIMEOUT_MS = 1000

// pg_control_checkpoint() is old after a promotion, so a primary's timeline comes from the WAL file that it writes.
const PROBE_SQL = `
  select recovery as "inRecovery",
         case when recovery then (select timeline_id from pg_control_checkpoint())
              else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end as timeline,
         case when recovery then coalesce(pg_last_wal_replay_lsn(), '0/0') else pg_current_wal_lsn() end::text as lsn,
         coalesce(nullif(current_setting('lab.born', true), ''), '0')::float8 as born
  from (select pg_is_in_recovery() as recovery offset 0) as state`

/** A probe of one database; connects when first asked. `patience` multiplies its time limit. */
export function makeProbe(address: DatabaseAddress, identity: Identity, patience: number): Probe {
  const limit = PROBE_TIMEOUT_MS * patience
  /** Connected, or being connected. */
  let client: pg.Client | undefined

  function newClient(): pg.Client {
    const fresh = new pg.Client({
      ...connectionConfig(address, identity, limit),
      connectionTimeoutMillis: limit,
      query_timeout: limit,
    })
    // A lost connection is noticed at the next question. Without this listener it would end the process.
    return fresh.on('error', () => {})
  }

  async function question(): Promise<ProbeAnswer> {
    const known = client
    const current = known ?? newClient()
    client = current
    if (!known) await current.connect()
    const answer = await current.query<ProbeAnswer>({ name: 'probe', text: PROBE_SQL })
    const row = answer.rows[0]
    if (!row) throw new Error('the probe query gave no row')
    return row
  }

  /** Rejects if it is cut off; otherwise it never settles. */
  async function silence(signal: AbortSignal): Promise<never> {
    if (await isSilent(address, patience, signal)) throw new Silence(address)
    return new Promise<never>(() => {})
  }

  return {
    async ask() {
      const over = new AbortController()
      const before = bytesFrom(address.host)
      try {
        return await Promise.race([question(), silence(over.signal)])
      } catch (error) {
        const failed = client
        client = undefined
        if (failed) drop(failed)
        throw !isProof(error) && errorCode(error) === undefined && bytesFrom(address.host) > before
          ? new Busy(address, error)
          : error
      } finally {
        over.abort()
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
