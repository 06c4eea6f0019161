import type { Call } from '../call.ts'
import type { Database, Statement } from '../cluster/pool.ts'
import { isFailure, type Result } from '../errors.ts'
import { parseToken, type Standing } from '../token.ts'

const SELECT_STANDING: Statement = {
  name: 'select_standing',
  text: `
    select timeline || '-' || lsn as position,
           array(select past.timeline || '-' || past.ended_at from timeline_history(node.timeline) as past) as history
    from node_position() as node`,
}

/** The position up to which a node has written or replayed; undefined for a standby that follows no primary. */
export async function selectStanding(database: Database, call: Call): Promise<Result<Standing | undefined>> {
  const result = await database.read<{ position: string | null; history: string[] }>(SELECT_STANDING, [], call)
  if (isFailure(result)) return result
  const row = result.value[0]
  const position = parseToken(row?.position ?? '')
  if (!row || !position) return { value: undefined }
  return { value: { position, history: row.history.flatMap((text) => parseToken(text) ?? []) } }
}
