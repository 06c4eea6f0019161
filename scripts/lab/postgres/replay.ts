/** A backend on a standby that replay waits for: it still reads what replay wants to remove. */
export type Report = {
  readonly pid: number
  readonly role: string
  /** How long its transaction has been open. */
  readonly seconds: number
  readonly state: string
  /** The first words of the query that it runs, or ran last. */
  readonly query: string
}

/** What a standby still has to replay, and which backends block that. */
export type Backlog = {
  readonly inRecovery: boolean
  /** The last position that it has received, and the last that it has replayed. */
  readonly received: string | null
  readonly replayed: string | null
  /** The backends that replay waits for right now. */
  readonly reports: readonly Report[]
}

/** The answer to `ASK_BACKLOG`. */
export const backlogIn = (answer: string): Backlog => JSON.parse(answer)

/**
 * SQL of a JSON array of the backends that replay waits for right now; empty if it does not wait.
 * For a lock PostgreSQL says who has it. For a snapshot it says only that replay waits; that is for the backend with the
 * oldest snapshot. For a page or a tablespace the backend with the oldest transaction is taken. If there are more, they
 * are seen when that one has ended.
 */
export const REPORTS = `(
  with replay as (
    select pid, wait_event_type as kind, wait_event as event from pg_stat_activity where backend_type = 'startup'
      and (wait_event_type in ('Lock', 'BufferPin') or wait_event like 'RecoveryConflict%')),
  backend as (
    select it.*, age(backend_xmin) as xmin_age, max(age(backend_xmin)) over () as oldest_xmin_age,
      min(xact_start) over (partition by age(backend_xmin)) as first_of_xmin, min(xact_start) over () as first
    from pg_stat_activity as it where backend_type = 'client backend' and pid <> pg_backend_pid())
  select coalesce(json_agg(json_build_object('pid', backend.pid, 'role', usename, 'state', coalesce(state, ''),
      'seconds', round(extract(epoch from clock_timestamp() - xact_start)::numeric, 1),
      'query', left(btrim(regexp_replace(query, '[[:space:][:cntrl:]]+', ' ', 'g'), '; '), 60)) order by xact_start), '[]')
  from replay, backend
  where case
    when kind = 'Lock' then exists (
      select from pg_locks as wanted join pg_locks as held on held.locktype = wanted.locktype
        and held.database is not distinct from wanted.database and held.relation is not distinct from wanted.relation
      where wanted.pid = replay.pid and not wanted.granted and held.granted and held.pid = backend.pid)
    when event = 'RecoveryConflictSnapshot' then xmin_age = oldest_xmin_age
      -- A backend that began a moment ago has the same snapshot, but replay does not wait for it.
      and (xact_start = first_of_xmin or xact_start < clock_timestamp() - interval '1 second')
    else xact_start = first end)`

/** Asks for a `Backlog`. */
export const ASK_BACKLOG = `
  select json_build_object('inRecovery', r,
    'received', case when r then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) end,
    'replayed', case when r then pg_last_wal_replay_lsn() end,
    'reports', case when r then ${REPORTS} else '[]' end)
  from (select pg_is_in_recovery() as r) as it`
