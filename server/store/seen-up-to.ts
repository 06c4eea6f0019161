/**
 * SQL for a consistency token of what a statement can see at most; null on a standby that follows nobody. Evaluated
 * while the statement runs, thus after its snapshot was taken: every commit in it is flushed, or replayed, by then.
 */
export const SEEN_UP_TO = `(
  select node.timeline || '-' || case when pg_is_in_recovery() or current_setting('synchronous_commit') = 'off'
                                      then node.lsn else pg_current_wal_flush_lsn() end
  from node_position() as node
)`
