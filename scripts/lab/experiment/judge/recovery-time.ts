import type { Call, Event, Judgement, Plan } from '../record.ts'

/** The time to recover, and its parts. */
export type RecoveryTime = Pick<Judgement, 'rto' | 'parts'>

/** Each part with the event that ends it. The first part begins with the fault, the last ends with the write. */
const PARTS = {
  scripted: [
    ['detection', 'detected'],
    ['check', 'checked'],
    ['fencing', 'fenced'],
    ['promotion', 'promoted'],
  ],
  patroni: [
    ['lease', 'detected'],
    ['race', 'checked'],
    ['promotion', 'promoted'],
  ],
} as const

/** From the start of the fault to the end of the first write that shows the recovery. */
export function recoveryTimeOf(
  { manager }: Pick<Plan, 'manager'>,
  calls: readonly Call[],
  events: readonly Event[],
): RecoveryTime {
  const fault = at(events, 'fault')
  const served = writesAfter(calls, events).reduce((least, { end }) => Math.min(least, end), Number.POSITIVE_INFINITY)
  if (fault === undefined || served === Number.POSITIVE_INFINITY) return { rto: null, parts: [] }
  return { rto: rounded(served - fault), parts: partsOf(PARTS[manager], fault, served, events) }
}

/**
 * Acknowledged writes that began while the fault was in force, without answers of the old primary before it was fenced: a
 * frozen primary may answer when it thaws for a moment, but it takes no more writes after that.
 */
export function writesAfter(calls: readonly Call[], events: readonly Event[]): readonly Call[] {
  const inForce = at(events, 'in-force') ?? Number.POSITIVE_INFINITY
  const fenced = at(events, 'fenced') ?? Number.NEGATIVE_INFINITY
  return calls.filter(
    ({ kind, outcome, start, end }) => kind === 'vote' && outcome === 'ok' && start >= inForce && end >= fenced,
  )
}

/** A part is left out if its start or end is unknown, or if it ended after the write. */
function partsOf(
  parts: (typeof PARTS)[keyof typeof PARTS],
  fault: number,
  served: number,
  events: readonly Event[],
): RecoveryTime['parts'] {
  const promoted = at(events, 'promoted')
  const marks = [
    { ended: 'fault', at: fault },
    ...parts.map(([name, kind]) => ({
      ended: name,
      // The write proves the promotion; the command may notice it a moment later.
      at: kind === 'promoted' && promoted !== undefined ? Math.min(promoted, served) : at(events, kind),
    })),
    { ended: 'reconnection' as const, at: served },
  ] as const
  return marks.flatMap(({ ended, at: to }, nth) => {
    const from = marks[nth - 1]?.at
    return ended === 'fault' || from === undefined || to === undefined || to < from || to > served
      ? []
      : [{ name: ended, ms: rounded(to - from) }]
  })
}

/** Rounded like the clock of a run. */
const rounded = (milliseconds: number): number => Math.round(milliseconds * 100) / 100

/** The time of the first event of that kind. */
export const at = (events: readonly Event[], kind: Event['kind']): number | undefined =>
  events.find((event) => event.kind === kind)?.at
