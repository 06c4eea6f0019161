import { BACKUPS_FOLDER, namesIn } from '../docker/volume.ts'
import type { AnyNode } from '../topology/topology.ts'

/** What a primary says of its archive. Dates are ISO texts. */
export type Archiver = {
  readonly lastSegment: string | null
  readonly lastAt: string | null
  /** Since when every attempt has failed, and the segment that fails; null if the last attempt succeeded. */
  readonly failsSince: string | null
  readonly failedSegment: string | null
  /** Segments that wait to be archived. */
  readonly waiting: number
}

const FAILS = "last_failed_time > coalesce(last_archived_time, '-infinity')"

/** The query that a primary answers with it; null if it does not archive. */
export const ARCHIVER = `
  select json_build_object(
    'lastSegment', left(last_archived_wal, 24), 'lastAt', last_archived_time,
    'failsSince', case when ${FAILS} then coalesce(last_archived_time, stats_reset) end,
    'failedSegment', case when ${FAILS} then last_failed_wal end,
    'waiting', (select count(*) from pg_ls_archive_statusdir() where name like '%.ready'))
  from pg_stat_archiver, pg_stat_file('${BACKUPS_FOLDER}/on', true) as mark where mark.size is not null`

/** Segments that a database, running or not, has written but never archived. */
export const unarchivedOn = async (node: AnyNode): Promise<readonly string[]> =>
  (await namesIn(node, 'data/pg_wal/archive_status'))
    .flatMap((name) => (/^[0-9A-F]{24}\.ready$/.test(name) ? [name.slice(0, 24)] : []))
    .sort()
