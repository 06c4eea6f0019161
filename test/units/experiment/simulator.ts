// A service that keeps its promises across a failover, and clients that record what they are told.
import fc from 'fast-check'
import type { Evidence } from '../../../scripts/lab/experiment/judge/judge.ts'
import type { Call, Event, StoredVote } from '../../../scripts/lab/experiment/record.ts'

export const POLL = 'poll'
export const FAULT = 1000
export const IN_FORCE = 1100
export const FENCED = 1500
/** From here on writes are acknowledged again. */
export const SERVING = 2000

/** How a call ends, where the service could take it: acknowledged, or not and yet stored, or neither. */
type Ending = 'acknowledged' | 'stored' | 'unstored' | 'refused'
type Spec = { readonly ms: number; readonly ending: Ending }

const spec = fc.record({
  ms: fc.integer({ min: 1, max: 120 }),
  ending: fc.oneof(
    { weight: 8, arbitrary: fc.constant<Ending>('acknowledged') },
    { weight: 3, arbitrary: fc.constantFrom<Ending>('stored', 'unstored', 'refused') },
  ),
})
const specs = fc.array(spec, { minLength: 30, maxLength: 80 })

/** Runs of that service that nothing is wrong with. */
export const cleanRun: fc.Arbitrary<Evidence> = fc
  .record({ voters: fc.array(specs, { minLength: 1, maxLength: 4 }), reader: specs })
  .map(({ voters, reader }) => simulate(voters, reader))

const EVENTS: readonly Event[] = (
  [
    ['fault', FAULT],
    ['in-force', IN_FORCE],
    ['detected', 1200],
    ['checked', 1350],
    ['fenced', FENCED],
    ['promoted', 1900],
    ['serving', SERVING],
  ] as const
).map(([kind, at]) => ({ kind, at, node: 'db-primary', what: kind }))

function simulate(voters: readonly (readonly Spec[])[], reader: readonly Spec[]): Evidence {
  const calls: Call[] = []
  const stored: StoredVote[] = []
  const sure: Spec = { ms: 10, ending: 'acknowledged' }
  for (const [client, own] of [...voters, reader].entries()) {
    const poll = client < voters.length ? POLL : `${POLL} of ${client}`
    let now = 0
    let mine = 0
    let acknowledged = 0
    const vote = (nth: number, { ms, ending }: Spec): Call => {
      const start = now
      now += ms
      // What meets the outage is not acknowledged.
      const met = now > FAULT && start < SERVING && ending === 'acknowledged' ? 'stored' : ending
      const user = `user ${client} ${nth}`
      const option = nth % 2 === 0 ? 'a' : 'b'
      const token = met === 'acknowledged' ? `token ${client} ${nth}` : null
      if (met === 'acknowledged' || met === 'stored') {
        stored.push({ poll, user, option })
        mine += 1
      }
      if (met === 'acknowledged') acknowledged += 1
      const { outcome, answer } = TOLD[met]
      const call: Call = {
        kind: 'vote',
        client,
        poll,
        start,
        end: now,
        outcome,
        answer,
        server: 'primary',
        user,
        option,
        token,
        expected: null,
        seen: null,
      }
      calls.push(call)
      return call
    }
    const read = ({ token }: Call, ms: number) => {
      const start = now
      now += ms
      calls.push({
        kind: 'read',
        client,
        poll,
        start,
        end: now,
        outcome: 'ok',
        answer: 'results',
        server: 'backup',
        user: null,
        option: null,
        token,
        expected: acknowledged,
        seen: mine,
      })
    }
    const wholeRun = [sure, ...own]
    for (const [nth, spec] of wholeRun.entries()) {
      const cast = vote(nth, spec)
      if (client === voters.length && cast.token !== null && (now < FAULT || now >= SERVING)) read(cast, spec.ms)
    }
    // However short the rest was, there is something before and after the fault.
    now = Math.max(now, SERVING)
    const last = vote(wholeRun.length, sure)
    if (client === voters.length) read(last, 10)
  }
  const polls = [...new Set(calls.map(({ poll }) => poll))]
  const counted = (['primary', 'backup'] as const).flatMap((server) =>
    polls.map((poll) => ({ server, poll, votes: { a: countOf(stored, poll, 'a'), b: countOf(stored, poll, 'b') } })),
  )
  return {
    plan: {
      manager: 'scripted',
      fault: 'crash',
      node: 'db-primary',
      recovery: 'failover',
      level: 'on',
      voters: voters.length,
      readers: 1,
      before: 1,
      after: 1,
      lag: 0,
    },
    calls,
    events: EVENTS,
    stored,
    found: { calls: calls.length, cut: null, readFrom: 'db-replica', counted, walLost: 0, problems: [] },
  }
}

const TOLD = {
  acknowledged: { outcome: 'ok', answer: 'Vote Successfully!' },
  stored: { outcome: 'indefinite', answer: 'CONNECTION_LOST: it broke' },
  unstored: { outcome: 'indefinite', answer: 'NO_SERVER_ANSWERED: nobody' },
  refused: { outcome: 'definite', answer: 'NO_WRITABLE_DATABASE: none' },
} as const

const countOf = (stored: readonly StoredVote[], poll: string, option: string): number =>
  stored.filter((vote) => vote.poll === poll && vote.option === option).length
