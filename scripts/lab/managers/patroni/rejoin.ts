import { changing } from '../../docker/leftovers.ts'
import { killNode, startNode } from '../../docker/nodes.ts'
import { labError } from '../../errors.ts'
import { dataOf } from '../../postgres/data.ts'
import { type Answering, lookAtDatabases, type Sight, sightOf } from '../../postgres/sights.ts'
import { choiceOf } from '../../rules/durability.ts'
import { follows } from '../../rules/hindrance.ts'
import { membersOf, primaryOf, seenOf } from '../../rules/members.ts'
import type { Reporter } from '../../steps.ts'
import { type Lab, SCOPE } from '../../topology/topology.ts'
import { streaming } from '../following.ts'
import { type LeftBehind, leftBehind } from '../left-behind.ts'
import type { Rejoin, Rejoined, RejoinOptions } from '../manager.ts'
import { patronictl } from './patronictl.ts'
import { patroniView } from './view.ts'

/**
 * Brings every database that is not the primary back as a standby. Patroni itself would throw away what only a former primary has
 * as soon as that starts: so its votes are listed first.
 */
export const rejoin = (lab: Lab, options: RejoinOptions, reporter: Reporter): Promise<Rejoin> =>
  changing(lab, async () => {
    const seen = await lookAtDatabases(lab)
    // In a pause Patroni starts no database, and rewinds none.
    if (seen.some(({ facts }) => facts === undefined) && (await patroniView(lab))?.paused)
      throw labError('PATRONI_PAUSED', { seen: seenOf(seen) })
    const sights = await fenceRivals(seen, reporter)
    const primary = primaryOf(sights)
    const standbys: Rejoined[] = []
    for (const it of sights)
      if (it.node !== primary.node) standbys.push(await bringBack(lab, primary, it, options, reporter))
    return { primary: primary.node.name, ...choiceOf(primary.facts), standbys }
  })

/** Kills databases that still take writes although a newer one is the primary: their Patroni is frozen or gone. */
async function fenceRivals(sights: readonly Sight[], { step }: Reporter): Promise<readonly Sight[]> {
  const { rivals } = membersOf(sights)
  for (const { node } of rivals)
    await step(`Stop ${node.name}, which takes writes beside the primary`, ({ tell }) => killNode(tell, node))
  return sights.map((it) => (rivals.some(({ node }) => node === it.node) ? sightOf(it.node, 'exited', undefined) : it))
}

const NOTHING: LeftBehind = { votes: [], keptIn: null, unreadable: false }

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
  if (facts !== undefined && follows(node.name, facts, primary.facts) && !copy) return as('none', null)
  if (facts !== undefined) {
    // One that follows nobody, or has to be copied, while its Patroni runs.
    if (copy)
      await step(`Patroni copies ${node.name}`, ({ tell }) =>
        patronictl(tell, primary.node, 'reinit', SCOPE, node.name, '--force', '--wait'),
      )
    await step(`Wait until ${node.name} streams from ${primary.node.name}`, () =>
      streaming(lab, primary.node, node, 120),
    )
    return copy ? as('copied', 'a copy was asked for') : as('repaired', 'Patroni brought it back')
  }
  // Once thawed, a frozen primary would go on as one for a moment.
  if (state === 'paused') await step(`Stop ${node.name}, which is frozen`, ({ tell }) => killNode(tell, node))
  const wasPrimary = state !== 'running' && (await dataOf(node, 'exited')).is === 'primary'
  const left = wasPrimary ? await leftBehind(lab, primary.node, node, discard, { step }) : NOTHING
  if (state !== 'running') await step(`Start ${node.name}`, ({ tell }) => startNode(tell, lab, node))
  await step(`Wait until ${node.name} streams from ${primary.node.name}`, () => streaming(lab, primary.node, node, 120))
  return as(wasPrimary ? 'rewound' : 'repaired', wasPrimary ? 'it was the primary' : 'it was down', {
    divergedVotes: left.votes,
    keptIn: left.keptIn,
  })
}
