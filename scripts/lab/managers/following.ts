import { attempt } from '../docker/command.ts'
import { ABSENT, containersOf } from '../docker/nodes.ts'
import { LabError, labError } from '../errors.ts'
import { untilNodes } from '../faults/waiting.ts'
import { observe } from '../postgres/observe.ts'
import { type Answering, lookAtDatabases, sightOf } from '../postgres/sights.ts'
import { follows, type Hindrance } from '../rules/hindrance.ts'
import { membersOf, seenOf } from '../rules/members.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { hindranceSeen } from './hindrances.ts'

/** Waits until a database that is coming up answers as a primary. */
export const asPrimary = (lab: Lab, node: DatabaseNode): Promise<Answering> =>
  untilNodes(lab, { what: `${node.name} to answer as the primary`, seconds: 60, needs: [node] }, async () => {
    const sights = await lookAtDatabases(lab)
    const { primary, rivals } = membersOf(sights)
    const found = [primary, ...rivals].find((it) => it?.node.name === node.name)
    return found === undefined ? { seen: seenOf(sights) } : { done: found }
  })

/** Waits until a node streams from its upstream. A cause that keeps it from that and does not pass by itself is an error. */
export async function streaming(lab: Lab, upstream: DatabaseNode, node: DatabaseNode, seconds: number): Promise<void> {
  const hindrance = await untilFollows(lab, upstream, node, seconds)
  if (hindrance !== undefined) throw hinders(node, hindrance)
}

/** The error for a database that does not follow for that reason. */
export const hinders = ({ name }: DatabaseNode, { says, fix }: Hindrance): LabError =>
  labError('HINDERED', { node: name, says, advice: fix })

/** Seconds, before `patience`, for which a cause has to be seen: while both start, some causes show for a moment. */
const LASTS_SECONDS = 3

/** Waits until a node streams from its upstream and replays, or until a lasting cause that prevents it is known. */
export async function untilFollows(
  lab: Lab,
  upstream: DatabaseNode,
  node: DatabaseNode,
  seconds: number,
): Promise<Hindrance | undefined> {
  const { patience } = lab.settings
  let last: Hindrance | undefined
  let since = performance.now()
  const what = `${node.name} to stream from ${upstream.name}`
  // If the node itself does not stay up, this look knows the cause best.
  const wait = untilNodes(lab, { what, seconds, needs: [upstream], mustNotEnd: [node] }, async () => {
    const [[container = ABSENT], facts] = await Promise.all([containersOf(lab, [node]), observe(lab, upstream)])
    if ('unreachable' in facts) return { seen: `${upstream.name}: ${facts.unreachable}` }
    const sender = { ...sightOf(upstream, 'running', facts), facts }
    const own = sightOf(node, container.state, container.state === 'running' ? await observe(lab, node) : undefined)
    if (own.facts?.tooLow.length === 0 && follows(node.name, own.facts, facts)) return { done: undefined }
    const seen = await hindranceSeen(lab, own, container, { upstream: sender, lost: undefined })
    if (seen?.cause !== last?.cause) since = performance.now()
    last = seen
    const lasts = performance.now() - since > LASTS_SECONDS * patience * 1000
    if (seen !== undefined && !seen.passes && lasts) return { done: seen }
    return { seen: seen?.says ?? (await logSince(node, '5s')).split('\n').at(-1) ?? '' }
  })
  return wait.catch((error) => {
    // The last cause seen says more than the time-out.
    if (last !== undefined && error instanceof LabError && error.code === 'TIMEOUT') return last
    throw error
  })
}

/** What a database has logged since then. */
export async function logSince(node: DatabaseNode, since: string): Promise<string> {
  const { stdout, stderr } = await attempt(['logs', '--since', since, node.container])
  return `${stdout}\n${stderr}`.trim()
}
