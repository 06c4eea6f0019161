import { type LabError, labError } from '../errors.ts'
import type { Answering, Sight } from '../postgres/sights.ts'

const answers = (sight: Sight): sight is Answering => sight.facts !== undefined

/** Databases out of recovery, the one on the highest timeline first. */
export const primariesOf = (sights: readonly Sight[]): readonly Answering[] =>
  sights
    .filter(answers)
    .filter(({ facts }) => !facts.inRecovery)
    .sort((a, b) => (b.facts.timeline ?? 0) - (a.facts.timeline ?? 0))

/** Databases in recovery that answer. */
export const standbysOf = (sights: readonly Sight[]): readonly Answering[] =>
  sights.filter(answers).filter(({ facts }) => facts.inRecovery)

/** The one primary there is. */
export function primaryOf(sights: readonly Sight[]): Answering {
  const [primary, second] = primariesOf(sights)
  if (primary === undefined) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  if (second !== undefined) throw splitBrain(sights)
  return primary
}

/** Both are primaries. */
export const splitBrain = (sights: readonly Sight[]): LabError => labError('SPLIT_BRAIN', { seen: seenOf(sights) })

/** What was seen of all, in one line. */
export const seenOf = (sights: readonly Sight[]): string => sights.map(({ seen }) => seen).join('; ')
