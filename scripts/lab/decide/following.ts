import { change, observe } from '../access/database.ts'
import { act, attempt, type Tell } from '../engine/docker.ts'
import { noteForNextStart } from '../engine/nodes.ts'
import { untilNodes } from '../faults/waiting.ts'
import type { DatabaseNode, Lab } from '../topology.ts'
import { type Answering, lookAtDatabases, primariesOf, seenOf } from './databases.ts'
import { levelChosen, levelInForce } from './durability.ts'
import { slotStatements } from './failover/promotion.ts'
import { inForce, putLevel } from './replication.ts'

/** How a database came to follow: `refused` is why it was copied where a rewind was tried. */
export type Followed = { readonly how: 'rewound' | 'copied'; readonly refused: string | null }

/** Gives the primary all that a database needs that is to follow it anew. */
export const prepareFor = (tell: Tell, primary: DatabaseNode, node: DatabaseNode): Promise<string> =>
  // pg_rewind reads the new timeline off the last checkpoint.
  change(tell, primary, ...slotStatements(node), 'checkpoint')

/** Starts a database that is down as a standby of the primary, rewound or copied, and waits until it streams. */
export async function followAnew(
  tell: Tell,
  lab: Lab,
  primary: DatabaseNode,
  node: DatabaseNode,
  word: 'rewind' | 'copy',
): Promise<Followed> {
  const since = new Date().toISOString()
  await noteForNextStart(tell, node, word)
  await act(tell, ['start', node.container])
  await streaming(lab, primary, node, 120)
  const log = await logSince(node, since)
  if (!/^follow-anew: copied/m.test(log)) return { how: 'rewound', refused: null }
  const said = /^pg_rewind: (?:error|fatal): (.*)$/m.exec(log)?.[1] ?? 'pg_rewind failed'
  return { how: 'copied', refused: word === 'rewind' ? said : null }
}

/** Restores the level that was chosen, where another is in force: there is a standby to wait for again. */
export async function restoreLevel(tell: Tell, lab: Lab, { node, facts }: Answering): Promise<void> {
  const chosen = levelChosen(facts)
  if (levelInForce(facts) === chosen) return
  await putLevel(tell, node, chosen)
  await inForce(tell, lab, node, chosen)
}

/** Waits until a database that is coming up answers as a primary. */
export const asPrimary = (lab: Lab, node: DatabaseNode): Promise<Answering> =>
  untilNodes(lab, { what: `${node.name} to answer as the primary`, seconds: 60, needs: [node] }, async () => {
    const sights = await lookAtDatabases(lab)
    const found = primariesOf(sights).find((sight) => sight.node.name === node.name)
    return found === undefined ? { seen: seenOf(sights) } : { done: found }
  })

/** Waits until a node streams from the primary. */
export const streaming = (lab: Lab, primary: DatabaseNode, node: DatabaseNode, seconds: number): Promise<void> => {
  const wait = { what: `${node.name} to stream from ${primary.name}`, seconds, needs: [primary, node] }
  return untilNodes(lab, wait, async () => {
    const facts = await observe(lab, primary)
    if ('unreachable' in facts) return { seen: `${primary.name}: ${facts.unreachable}` }
    if (facts.standbys.some(({ name, state }) => name === node.name && state === 'streaming'))
      return { done: undefined }
    return { seen: (await logSince(node, '5s')).split('\n').at(-1) ?? '' }
  })
}

async function logSince(node: DatabaseNode, since: string): Promise<string> {
  const { stdout, stderr } = await attempt(['logs', '--since', since, node.container])
  return `${stdout}\n${stderr}`.trim()
}
