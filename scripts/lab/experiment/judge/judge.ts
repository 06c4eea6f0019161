import { IN_ORDER, type Level, levelText } from '../../rules/durability.ts'
import type { Call, Event, Found, Judgement, Plan, StoredVote } from '../record.ts'
import { availabilityOf, paceOf } from './availability.ts'
import { judgeReads, type ReadFindings } from './reads.ts'
import { at, recoveryTimeOf, writesAfter } from './recovery-time.ts'
import { splitBrainOf } from './split-brain.ts'
import { judgeVotes, type VoteFindings } from './votes.ts'

/** Everything that a run is judged by. */
export type Evidence = {
  readonly plan: Plan
  readonly calls: readonly Call[]
  readonly events: readonly Event[]
  /** Votes of the run's polls in the primary database after the recovery. */
  readonly stored: readonly StoredVote[]
  readonly found: Found
}

/** Judges a run: `fail` if any promise is broken, `unknown` if there is too little evidence, else `pass`. */
export function judge(evidence: Evidence): Judgement {
  const { plan, calls, events, stored, found } = evidence
  const unread = found.readFrom === null
  // If no database could be read, it is unknown which votes are lost or stored without reason.
  const votes = judgeVotes(calls, stored, found)
  const known = unread ? { ...votes, lost: [], duplicates: [], phantoms: [], uncounted: [] } : votes
  const reads = judgeReads(calls, known.lost, at(events, 'fault') ?? Number.POSITIVE_INFINITY)
  const broken = brokenPromises(plan, known, reads)
  const lacking = lackingEvidence(evidence, reads)
  const { acknowledged, lost, duplicates, phantoms } = known
  const { staleReads, historyLost } = reads
  return {
    verdict: broken.length > 0 ? 'fail' : lacking.length > 0 ? 'unknown' : 'pass',
    reasons: broken.length + lacking.length > 0 ? [...broken, ...lacking] : grounds(evidence, reads),
    ...recoveryTimeOf(plan, calls, events),
    splitBrain: splitBrainOf(calls),
    pace: paceOf(calls, events),
    acknowledged,
    stored: stored.length,
    lost,
    walLost: found.walLost,
    duplicates,
    phantoms,
    staleReads,
    historyLost,
    writes: availabilityOf(calls, 'vote'),
    reads: availabilityOf(calls, 'read'),
  }
}

/** A plan does not say how many standbys the lab has: what is true for several is true for one, too. */
const mayLose = (level: Level): string => levelText({ level, rule: IN_ORDER }, 2).loses

function brokenPromises({ level }: Plan, votes: VoteFindings, { staleReads }: ReadFindings): readonly string[] {
  const { lost, duplicates, phantoms, uncounted } = votes
  return [
    ...(lost.length === 0
      ? []
      : [`acknowledged but not stored: ${count(lost.length, 'vote')}; ${level} can lose: ${mayLose(level)}`]),
    ...(duplicates.length === 0 ? [] : [`counted twice: ${some(duplicates)}`]),
    ...(uncounted.length === 0 ? [] : [`not counted: ${some(uncounted)}`]),
    ...(phantoms.length === 0
      ? []
      : [`stored although nobody sent them, or although an error said that they were not: ${some(phantoms)}`]),
    ...(staleReads.length === 0
      ? []
      : [`${count(staleReads.length, 'read')} with a token did not see what had been acknowledged before`]),
  ]
}

function lackingEvidence({ calls, events, found }: Evidence, { judged }: ReadFindings): readonly string[] {
  const { before, after } = acknowledgedAround(calls, events)
  const inForce = at(events, 'in-force')
  return [
    ...found.problems,
    ...(inForce === undefined ? ['no fault was in force'] : []),
    ...(before === 0 ? ['no write was acknowledged before the fault'] : []),
    ...(inForce !== undefined && after === 0 ? ['no write was acknowledged after the fault'] : []),
    ...(found.readFrom === null ? ['no database could be read'] : []),
    ...(found.counted.length === 0 ? ['no server gave results'] : []),
    ...(found.cut === null ? [] : [`the load ended early: ${found.cut}`]),
    ...(found.calls === calls.length ? [] : [`the history has ${calls.length} of ${found.calls} calls`]),
    ...(judged.some((start) => start >= (inForce ?? 0)) ? [] : ['no read with a token was answered after the fault']),
  ]
}

/** The evidence for a pass. */
function grounds({ calls, events, stored, found }: Evidence, { judged, historyLost }: ReadFindings): string[] {
  const { before, after } = acknowledgedAround(calls, events)
  const servers = [...new Set(found.counted.map(({ server }) => server))]
  return [
    `${before} votes acknowledged before the fault and ${after} after it are stored, each once`,
    `${servers.join(' and ')} count what is stored: ${stored.length} votes`,
    `${judged.length} reads with a token saw what had been acknowledged before${historyLost === 0 ? '' : `, and ${historyLost} were told that it is lost`}`,
  ]
}

/** How many writes were acknowledged before the fault began, and how many after it. */
function acknowledgedAround(calls: readonly Call[], events: readonly Event[]) {
  const fault = at(events, 'fault') ?? Number.POSITIVE_INFINITY
  const acknowledged = calls.filter(({ kind, outcome }) => kind === 'vote' && outcome === 'ok')
  return {
    before: acknowledged.filter(({ end }) => end <= fault).length,
    after: writesAfter(calls, events).length,
  }
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`
const some = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`
