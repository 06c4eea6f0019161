import { bytesOf } from '../lsn.ts'
import type { Answering, Sight } from '../postgres/sights.ts'
import type { Promoting } from './failover-plan.ts'
import { aheadOf, receivedOf } from './members.ts'

/** Which standby is promoted and why, in one line: what each of them has received. */
export function chosenText({ candidate, follow }: Pick<Promoting, 'candidate' | 'follow'>): string {
  const { name } = candidate.node
  const upTo = `up to ${receivedOf(candidate)}${toReplay(candidate)}`
  if (follow.length === 0) return `${name} has received ${upTo}`
  const rest = follow.map((it) => (isAnswering(it) ? `${it.node.name} ${positionOf(it, candidate)}` : it.seen))
  return `${name} ${rankOf(candidate, follow)}: ${upTo}; ${rest.join(', ')}`
}

/** How a standby compares with the others. If one of them has more, the user has chosen this one. */
function rankOf(candidate: Answering, others: readonly Sight[]): string {
  if (aheadOf(candidate, others) !== undefined) return 'was chosen and has less than another'
  const isLess = (it: Answering) => aheadOf(it, [candidate]) !== undefined
  return others.filter(isAnswering).every(isLess) ? 'has most' : 'has as much as any'
}

function toReplay(candidate: Answering): string {
  const bytes = bytesOf(receivedOf(candidate)) - bytesOf(candidate.facts.lsn ?? '0/0')
  return bytes > 0n ? `, and has still to replay ${bytes} bytes of it` : ''
}

/** Positions of two timelines cannot be compared. */
const positionOf = (it: Answering, { facts }: Answering): string =>
  receivedOf(it) + (it.facts.timeline === facts.timeline ? '' : ` on timeline ${it.facts.timeline}`)

const isAnswering = (it: Sight): it is Answering => it.facts !== undefined
