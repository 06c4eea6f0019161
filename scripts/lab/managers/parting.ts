/** The timeline that a primary writes, the timeline before it, and where that one ended. */
export type Promotion = { readonly timeline: number; readonly parent: number; readonly parted: string }

// The history file of a timeline says where the timeline before it ended. The position of written WAL can be asked for only
// when the database is out of recovery.
export const WHERE_PARTED = `
  select recovering, tli, before.timeline, before.ended_at
  from (select pg_is_in_recovery() as recovering) as it
    left join lateral (select ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int as tli
      where not recovering) as now on true
    left join lateral (select * from timeline_history(tli) order by timeline desc limit 1) as before on not recovering`

/** The same out of the answer of a primary. */
export function promotionIn(answer: string): Promotion {
  const [, timeline, parent, parted] = answer.split('|')
  if (parted === undefined) throw new Error(`not a promotion: ${answer}`)
  return { timeline: Number(timeline), parent: Number(parent), parted }
}
