import { bytesUpTo } from '../token.ts'

/** What a server knows about one database. Role, timeline and LSN are from its last answer. */
export type Sighting = {
  name: string
  reachable: boolean
  inRecovery: boolean
  timeline: number
  lsn: string
  /** Why the last probe failed; undefined when it was answered. */
  problem: string | undefined
}

/** Which database takes writes, or none, and why. */
export type Choice = { writable: string | undefined; reason: string }

/**
 * Chooses the database to write to: the one that is out of recovery on the highest timeline.
 * `highestTimeline` is the highest ever seen. A promotion left a primary below it behind, even if the promoted node does
 * not answer now: writes to such a primary would be lost.
 */
export function chooseWritable(sightings: Sighting[], highestTimeline: number): Choice {
  const primaries = sightings.filter(({ reachable, inRecovery }) => reachable && !inRecovery)
  const current = primaries.filter(({ timeline }) => timeline >= highestTimeline)
  const [first, second] = current
  if (first && !second) return { writable: first.name, reason: `primary on timeline ${first.timeline}` }
  if (second) {
    const names = current.map(({ name }) => name).join(' and ')
    return { writable: undefined, reason: `${names} are both primary on timeline ${second.timeline}` }
  }
  return { writable: undefined, reason: sightings.map((sighting) => describe(sighting, highestTimeline)).join('; ') }
}

/**
 * Chooses the database to read from: the local one if it answers, else another that answers. Never a primary that was left
 * behind: its history is not that of the others.
 */
export function chooseReadable(
  sightings: Sighting[],
  highestTimeline: number,
  local: string,
  writable: string | undefined,
): string | undefined {
  const usable = sightings
    .filter(({ reachable, inRecovery, timeline }) => reachable && (inRecovery || timeline >= highestTimeline))
    .map(({ name }) => name)
  if (usable.includes(local)) return local
  return usable.find((name) => name === writable) ?? usable[0]
}

function describe({ name, reachable, inRecovery, timeline, problem }: Sighting, highest: number): string {
  if (!reachable) return `${name} is unreachable (${problem ?? 'not probed yet'})`
  if (inRecovery) return `${name} is in recovery`
  return `${name} is a primary on timeline ${timeline}, left behind by timeline ${highest}`
}

/** Bytes of WAL that a database is behind the writable one, from their last answers; undefined if unknown. */
export function lagOf(
  sighting: Sighting,
  sightings: readonly Sighting[],
  writable: string | undefined,
): number | undefined {
  const ahead = sightings.find(({ name }) => name === writable)
  if (!ahead || !sighting.reachable || sighting.timeline > ahead.timeline) return undefined
  // A primary that was left behind has a history of its own, so its lag is undefined.
  if (sighting !== ahead && !sighting.inRecovery) return undefined
  // They were asked at different moments, so a standby may seem to be ahead.
  return Math.max(0, Number(bytesUpTo(ahead.lsn) - bytesUpTo(sighting.lsn)))
}
