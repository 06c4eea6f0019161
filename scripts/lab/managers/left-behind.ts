import { LabError } from '../errors.ts'
import { votesOnlyOnStopped } from '../postgres/stopped-votes.ts'
import type { LostVote } from '../postgres/votes.ts'
import { keepVotes } from '../state/kept-votes.ts'
import type { Reporter } from '../steps.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'

/** Votes that are lost when a node is brought back; null if nobody could read them. */
export type LeftBehind = {
  readonly votes: readonly LostVote[] | null
  readonly keptIn: string | null
  readonly unreadable: boolean
}

/** Lists the votes that only a node has, and keeps the list. */
export const leftBehind = (
  lab: Lab,
  primary: DatabaseNode,
  node: DatabaseNode,
  discard: boolean,
  { step }: Pick<Reporter, 'step'>,
): Promise<LeftBehind> =>
  step(`List the votes that only ${node.name} has`, async ({ tell, say, retitle }) => {
    const votes = await votesOnlyOnStopped(tell, lab, primary, node).catch((error) => {
      if (!discard || !(error instanceof LabError && error.code === 'VOTES_UNREADABLE')) throw error
      say(error.message)
      return null
    })
    const keptIn = votes !== null && votes.length > 0 ? await keepVotes(lab, 'diverged-votes', votes) : null
    const kept = keptIn === null ? '' : `, kept in ${keptIn}`
    retitle(`Votes that only ${node.name} has: ${votes?.length ?? 'unknown'}${kept}`)
    return { votes, keptIn, unreadable: votes === null }
  })
