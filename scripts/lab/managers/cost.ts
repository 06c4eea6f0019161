import { LabError } from '../errors.ts'
import { bytesOf, lsnOf } from '../lsn.ts'
import { votesOnlyOnStopped } from '../postgres/stopped-votes.ts'
import { walEndOf } from '../postgres/wal-end.ts'
import type { Reporter } from '../steps.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import type { Loss } from './manager.ts'
import type { Promotion } from './parting.ts'

/** Lists the votes that only a fenced primary has, as far as its data can be read. */
export const votesLeftOn = (lab: Lab, old: DatabaseNode, primary: DatabaseNode, step: Reporter['step']) =>
  step(`List the votes that only ${old.name} has`, async ({ tell, say, retitle }) => {
    const votes = await votesOnlyOnStopped(tell, lab, primary, old).catch((error: unknown) => {
      if (!(error instanceof LabError && error.code === 'VOTES_UNREADABLE')) throw error
      say(error.message)
      return null
    })
    retitle(`Votes that only ${old.name} has: ${votes?.length ?? 'unknown'}`)
    return votes
  })

/** Reads from the disks of fenced nodes how much WAL was written after the end of the old timeline. Gives the most. */
export async function measureLoss(wrote: readonly DatabaseNode[], { parent, parted }: Promotion): Promise<Loss | null> {
  const found = await Promise.all(
    wrote.map(async (node) => ({ node: node.name, wal: await walEndOf(node, parent, parted) })),
  )
  const lost = found.flatMap(({ node, wal }) =>
    'problem' in wal ? [] : [{ node, end: lsnOf(wal.end), bytes: Number(wal.end - bytesOf(parted)) }],
  )
  return lost.sort((a, b) => b.bytes - a.bytes)[0] ?? null
}
