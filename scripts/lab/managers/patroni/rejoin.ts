import { changing } from '../../docker/leftovers.ts'
import { startNode } from '../../docker/nodes.ts'
import { LabError } from '../../errors.ts'
import { dataOf } from '../../postgres/data.ts'
import { type Answering, lookAtDatabases, type Sight } from '../../postgres/sights.ts'
import { votesOnlyOnStopped } from '../../postgres/stopped-votes.ts'
import { choiceOf } from '../../rules/durability.ts'
import { primaryOf, sendsTo } from '../../rules/members.ts'
import { keepVotes } from '../../state/kept-votes.ts'
import type { Reporter } from '../../steps.ts'
import type { Lab } from '../../topology/topology.ts'
import { streaming } from '../following.ts'
import type { Rejoin, Rejoined, RejoinOptions } from '../manager.ts'
import { patronictl } from './patronictl.ts'

/**
 * Brings every database that is not the primary back as a standby. Patroni itself would throw away what only a former primary has
 * as soon as that starts: so its votes are listed first.
 */
export const rejoin = (lab: Lab, options: RejoinOptions, reporter: Reporter): Promise<Rejoin> =>
  changing(lab, async () => {
    const sights = await lookAtDatabases(lab)
    const primary = primaryOf(sights)
    const standbys: Rejoined[] = []
    for (const it of sights)
      if (it.node !== primary.node) standbys.push(await bringBack(lab, primary, it, options, reporter))
    return { primary: primary.node.name, ...choiceOf(primary.facts), standbys }
  })

async function bringBack(
  lab: Lab,
  primary: Answering,
  { node, state, facts }: Sight,
  { copy, discard }: RejoinOptions,
  { step }: Reporter,
): Promise<Rejoined> {
  const as = (how: Rejoined['how'], why: string | null, more: Partial<Rejoined> = {}): Rejoined => ({
    ...{ name: node.name, how, why, divergedVotes: [], keptIn: null, unarchived: [] },
    ...more,
  })
  const follows = facts !== undefined && sendsTo(primary, node)
  if (follows && !copy) return as('none', null)
  if (facts !== undefined) {
    // One that follows nobody, or has to be copied, while its Patroni runs.
    if (copy)
      await step(`Patroni copies ${node.name}`, ({ tell }) =>
        patronictl(tell, primary.node, 'reinit', 'lab', node.name, '--force'),
      )
    await step(`Wait until ${node.name} streams from ${primary.node.name}`, () =>
      streaming(lab, primary.node, node, 120),
    )
    return copy ? as('copied', 'a copy was asked for') : as('repaired', 'Patroni brought it back')
  }
  const wasPrimary = state !== 'running' && (await dataOf(node, state)).is === 'primary'
  const left = wasPrimary
    ? await step(`List the votes that only ${node.name} has`, async ({ tell, say, retitle }) => {
        const votes = await votesOnlyOnStopped(tell, lab, primary.node, node).catch((error: unknown) => {
          if (!discard || !(error instanceof LabError && error.code === 'VOTES_UNREADABLE')) throw error
          say(error.message)
          return null
        })
        const keptIn = votes !== null && votes.length > 0 ? await keepVotes(lab, 'diverged-votes', votes) : null
        retitle(`Votes that only ${node.name} has: ${votes?.length ?? 'unknown'}${keptIn ? `, kept in ${keptIn}` : ''}`)
        return { divergedVotes: votes, keptIn }
      })
    : {}
  if (state !== 'running') await step(`Start ${node.name}`, ({ tell }) => startNode(tell, lab, node))
  await step(`Wait until ${node.name} streams from ${primary.node.name}`, () => streaming(lab, primary.node, node, 120))
  return as(wasPrimary ? 'rewound' : 'repaired', wasPrimary ? 'it was the primary' : 'it was down', left)
}
