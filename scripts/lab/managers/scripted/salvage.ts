import { act } from '../../docker/command.ts'
import { copyBetween, VOLUME_FOLDER } from '../../docker/volume.ts'
import { bytesOf, lsnOf } from '../../lsn.ts'
import { bytes } from '../../numbers.ts'
import { segmentsBetween, walEndOf } from '../../postgres/wal-end.ts'
import type { Promoting } from '../../rules/failover-plan.ts'
import { receivedOf } from '../../rules/members.ts'
import type { Tell, Telling } from '../../steps.ts'
import type { DatabaseNode } from '../../topology/topology.ts'
import type { Salvaged } from '../manager.ts'

const FOLDER = 'data/pg_wal'

/**
 * Gives the standby that will be promoted the WAL that it lacks, from the disks of those that wrote it. They are fenced, so their
 * WAL has an end. Before PostgreSQL ends its recovery it replays all that is in its own WAL folder, up to the first record that
 * is not whole: such a commit was never acknowledged.
 */
export async function salvage(
  { tell, retitle }: Pick<Telling, 'tell' | 'retitle'>,
  { candidate, wrote }: Promoting,
): Promise<readonly Salvaged[]> {
  const from = bytesOf(receivedOf(candidate))
  const timeline = candidate.facts.timeline ?? 1
  const salvaged: Salvaged[] = []
  for (const { node } of wrote) {
    const found = await walEndOf(node, timeline, lsnOf(from))
    const end = 'problem' in found ? from : found.end
    const lacking = end > from ? segmentsBetween(timeline, from, end) : []
    for (const segment of lacking) await give(tell, node, candidate.node, segment)
    const unread = 'problem' in found ? found.problem : null
    salvaged.push({ from: node.name, bytes: lacking.length > 0 ? Number(end - from) : 0, unread })
  }
  retitle(`Salvage WAL for ${candidate.node.name}: ${salvaged.map(inWords).join('; ') || 'nobody else wrote any'}`)
  return salvaged
}

/**
 * Gives a segment to a standby that runs. It looks for new segments all the time, and the engine makes a file first and gives it to
 * its owner then: one that is opened in between ends PostgreSQL. So the file comes under its name only when it is whole.
 */
async function give(tell: Tell, from: DatabaseNode, to: DatabaseNode, segment: string): Promise<void> {
  await copyBetween(tell, from, to, FOLDER, segment)
  await act(tell, ['exec', to.container, 'mv', `${VOLUME_FOLDER}/${segment}`, `${VOLUME_FOLDER}/${FOLDER}/${segment}`])
}

const inWords = ({ from, bytes: count, unread }: Salvaged): string =>
  unread === null ? `${bytes(count)} of ${from}` : `that of ${from} cannot be read (${unread})`
