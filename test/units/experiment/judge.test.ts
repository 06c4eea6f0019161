import fc from 'fast-check'
import { test } from 'tap'
import { type Evidence, judge } from '../../../scripts/lab/experiment/judge/judge.ts'
import type { Call } from '../../../scripts/lab/experiment/record.ts'
import { cleanRun, FAULT, FENCED, IN_FORCE, SERVING } from './simulator.ts'

/** Any item of a list that is not empty; the number chooses. */
function pick<T>(items: readonly T[], which: number): T {
  const item = items[which % items.length]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}
const acknowledged = ({ kind, outcome }: Call) => kind === 'vote' && outcome === 'ok'
const without = (evidence: Evidence, user: string | null) => evidence.stored.filter((vote) => vote.user !== user)
const storedAs = ({ poll, user, option }: Call) => ({ poll, user: user ?? '', option: option ?? '' })
const withCalls = (evidence: Evidence, change: (call: Call) => Call): Evidence => ({
  ...evidence,
  calls: evidence.calls.map(change),
})
/** Lets the servers count exactly what is stored, so that only what was planted is wrong. */
const recounted = (evidence: Evidence): Evidence => ({
  ...evidence,
  found: {
    ...evidence.found,
    counted: evidence.found.counted.map((it) => ({
      ...it,
      votes: Object.fromEntries(
        Object.keys(it.votes).map((option) => [
          option,
          evidence.stored.filter((vote) => vote.poll === it.poll && vote.option === option).length,
        ]),
      ),
    })),
  },
})

/** Checks what becomes of any clean run in which something is planted at any place. */
const planted = (check: (evidence: Evidence, which: number) => void) =>
  fc.assert(fc.property(cleanRun, fc.nat(), check), { numRuns: 100 })

function expectThat(what: boolean, seen: unknown): void {
  if (!what) throw new Error(JSON.stringify(seen, null, 1))
}

test('a run of a service that keeps its promises passes, and names the evidence', async (t) => {
  planted((evidence) => {
    const it = judge(evidence)
    expectThat(it.verdict === 'pass' && it.reasons.length === 3 && it.stored >= it.acknowledged, it)
  })
  t.pass()
})

test('the parts of the RTO add up to it, and what is not known of them is left out', async (t) => {
  planted((evidence, which) => {
    const { rto, parts } = judge(evidence)
    const sum = parts.reduce((total, { ms }) => total + ms, 0)
    expectThat(rto !== null && rto >= SERVING - FAULT && Math.abs(sum - rto) < 1e-6, { rto, parts })
    expectThat(parts.map(({ name }) => name).join() === 'detection,check,fencing,promotion,reconnection', parts)

    const missing = pick(['detected', 'checked', 'fenced', 'promoted'], which)
    const partly = judge({ ...evidence, events: evidence.events.filter(({ kind }) => kind !== missing) })
    expectThat(partly.rto === rto && partly.parts.length === 3, partly.parts)
    for (const part of partly.parts)
      expectThat(
        parts.some((it) => it.name === part.name && it.ms === part.ms),
        part,
      )
  })
  t.pass()
})

test('a write that is acknowledged before its promotion is heard of ends the promotion', async (t) => {
  planted((evidence) => {
    const events = evidence.events.map((event) => (event.kind === 'promoted' ? { ...event, at: 1e6 } : event))
    const { rto, parts } = judge({ ...evidence, events })
    expectThat(parts.length === 5 && parts[4]?.ms === 0, parts)
    expectThat(parts.reduce((total, { ms }) => total + ms, 0) === rto, { rto, parts })
  })
  t.pass()
})

test('a write that the old primary acknowledges before it is fenced does not end the RTO', async (t) => {
  planted((evidence, which) => {
    const before = judge(evidence)
    const victim = pick(evidence.calls.filter(acknowledged), which)
    const straggling = withCalls(evidence, (call) =>
      call === victim && call.start < FAULT ? { ...call, start: IN_FORCE + 1, end: FENCED - 1 } : call,
    )
    const it = judge(straggling)
    expectThat(it.rto === before.rto && it.parts.length === 5, it)
  })
  t.pass()
})

test('a write that was under way when the fault began does not end the RTO', async (t) => {
  planted((evidence, which) => {
    const before = judge(evidence)
    const victim = pick(evidence.calls.filter(acknowledged), which)
    const straddling = withCalls(evidence, (call) =>
      call === victim && call.start < FAULT ? { ...call, start: IN_FORCE - 1, end: IN_FORCE + 1 } : call,
    )
    expectThat(judge(straddling).rto === before.rto, before)
  })
  t.pass()
})

test('a vote that is acknowledged and not stored is lost, wherever it is', async (t) => {
  planted((evidence, which) => {
    const victim = pick(evidence.calls.filter(acknowledged), which)
    const it = judge(recounted({ ...evidence, stored: without(evidence, victim.user) }))
    expectThat(it.verdict === 'fail' && it.lost.length === 1, it)
    expectThat(it.lost[0]?.user === victim.user && it.lost[0]?.at === victim.end, it.lost)
    expectThat(it.phantoms.length === 0 && it.duplicates.length === 0, it)
  })
  t.pass()
})

test('a vote that is called a duplicate has to be there too', async (t) => {
  planted((evidence, which) => {
    const victim = pick(evidence.calls.filter(acknowledged), which)
    const told = withCalls(evidence, (call) =>
      call === victim ? { ...call, outcome: 'indefinite', answer: 'duplicate_vote' } : call,
    )
    expectThat(judge(told).lost.length === 0 && judge(told).phantoms.length === 0, judge(told))
    const it = judge(recounted({ ...told, stored: without(told, victim.user) }))
    expectThat(it.verdict === 'fail' && it.lost[0]?.user === victim.user, it)
  })
  t.pass()
})

test('a vote stored for another option than it was sent for is lost, and a phantom', async (t) => {
  planted((evidence, which) => {
    const victim = pick(evidence.calls.filter(acknowledged), which)
    const stored = evidence.stored.map((vote) => (vote.user === victim.user ? { ...vote, option: 'other' } : vote))
    const it = judge({ ...evidence, stored })
    expectThat(it.verdict === 'fail' && it.lost[0]?.user === victim.user && it.phantoms[0] === victim.user, it)
  })
  t.pass()
})

test('a user who is stored twice, or counted once more than stored, is a duplicate', async (t) => {
  planted((evidence, which) => {
    const victim = pick(evidence.stored, which)
    const twice = judge(recounted({ ...evidence, stored: [...evidence.stored, victim] }))
    expectThat(twice.verdict === 'fail' && twice.duplicates.join() === victim.user, twice)

    const shifted = (by: number): Evidence => {
      const wrong = pick(evidence.found.counted, which)
      const counted = evidence.found.counted.map((it) =>
        it === wrong ? { ...it, votes: { ...it.votes, a: (it.votes['a'] ?? 0) + by } } : it,
      )
      return { ...evidence, found: { ...evidence.found, counted } }
    }
    const over = judge(shifted(1))
    expectThat(over.verdict === 'fail' && over.duplicates.length === 1, over)
    const { server, poll } = pick(evidence.found.counted, which)
    expectThat(over.duplicates[0]?.startsWith(`${server} counts `) === true, over)
    expectThat(over.duplicates[0]?.includes(` for a in poll ${poll},`) === true, over)
    const under = judge(shifted(-1))
    expectThat(under.verdict === 'fail' && under.duplicates.length === 0, under)
    expectThat(
      under.reasons.some((reason) => reason.startsWith('not counted: ') && reason.includes(poll)),
      under,
    )
  })
  t.pass()
})

test('a stored vote is a phantom if a definite error refused it, or if nobody sent it', async (t) => {
  planted((evidence, which) => {
    const victim = pick(
      evidence.calls.filter(({ kind, outcome }) => kind === 'vote' && outcome !== 'ok'),
      which,
    )
    const stored = [...without(evidence, victim.user), storedAs(victim)]
    const refused = withCalls(recounted({ ...evidence, stored }), (call) =>
      call === victim ? { ...call, outcome: 'definite', answer: 'NO_WRITABLE_DATABASE: none' } : call,
    )
    const it = judge(refused)
    expectThat(it.verdict === 'fail' && it.phantoms.join() === victim.user, it)

    const stranger = { ...storedAs(victim), user: 'stranger' }
    const unsent = judge(recounted({ ...evidence, stored: [...evidence.stored, stranger] }))
    expectThat(unsent.verdict === 'fail' && unsent.phantoms.join() === 'stranger', unsent)
  })
  t.pass()
})

test('a read that does not see what was acknowledged before is stale, unless it is told', async (t) => {
  planted((evidence, which) => {
    const victim = pick(
      evidence.calls.filter(({ kind }) => kind === 'read'),
      which,
    )
    const stale = judge(
      withCalls(evidence, (call) => (call === victim ? { ...call, seen: (call.expected ?? 0) - 1 } : call)),
    )
    expectThat(stale.verdict === 'fail' && stale.staleReads.length === 1, stale)
    const [found] = stale.staleReads
    expectThat(found?.client === victim.client && found.at === victim.start, found)
    const told = judge(
      withCalls(evidence, (call) =>
        call === victim ? { ...call, outcome: 'definite', answer: 'HISTORY_LOST: it is', seen: null } : call,
      ),
    )
    expectThat(told.staleReads.length === 0 && told.historyLost === 1, told)
  })
  t.pass()
})

test('a lost vote is not stale again in each later read; but a read with its own token has to be told', async (t) => {
  planted((evidence, which) => {
    const reads = evidence.calls.filter(({ kind }) => kind === 'read')
    const first = pick(
      reads.filter(({ end }) => end < FAULT),
      which,
    )
    const victim = evidence.calls.find(({ kind, token }) => kind === 'vote' && token === first.token)
    const lost = recounted({ ...evidence, stored: without(evidence, victim?.user ?? '') })
    const seenWithout = withCalls(lost, (call) =>
      call.kind === 'read' && call.start >= SERVING && call.seen !== null ? { ...call, seen: call.seen - 1 } : call,
    )
    const it = judge(seenWithout)
    expectThat(it.lost.length === 1 && it.staleReads.length === 0, it)

    const again = { ...first, start: SERVING, end: SERVING + 1, seen: (first.expected ?? 0) - 1 }
    const untold = judge({
      ...seenWithout,
      calls: [...seenWithout.calls, again],
      found: { ...seenWithout.found, calls: seenWithout.calls.length + 1 },
    })
    expectThat(untold.staleReads.length === 1 && untold.staleReads[0]?.at === SERVING, untold)
  })
  t.pass()
})

test('a loss excuses no read from before the fault, and none that began before the lost vote was acknowledged', async (t) => {
  planted((evidence) => {
    const reads = evidence.calls.filter(({ kind }) => kind === 'read')
    const first = reads[0]
    const last = reads.at(-1)
    const less = (call: Call) => ({ ...call, seen: (call.expected ?? 0) - 1 })
    const losing = (user: string | null | undefined, change: (call: Call) => Call) =>
      judge(withCalls(recounted({ ...evidence, stored: without(evidence, user ?? '') }), change))

    const early = evidence.calls.find(({ kind, token }) => kind === 'vote' && token === first?.token)
    const beforeFault = losing(early?.user, (call) => (call === first ? { ...less(call), token: 'another' } : call))
    expectThat(beforeFault.staleReads.length === 1, beforeFault)

    const late = evidence.calls.find(({ kind, token }) => kind === 'vote' && token === last?.token)
    const moved = losing(late?.user, (call) =>
      call === last && late ? { ...less(call), start: late.end - 1, token: 'another' } : call,
    )
    expectThat(moved.staleReads.length === 1, moved)
  })
  t.pass()
})

const NO_EVIDENCE: Readonly<Record<string, (evidence: Evidence) => Evidence>> = {
  'no fault was in force': (it) => ({ ...it, events: it.events.filter(({ kind }) => kind !== 'in-force') }),
  'no write was acknowledged before the fault': (it) =>
    withCalls(it, (call) => (acknowledged(call) && call.end <= FAULT ? unanswered(call) : call)),
  'no write was acknowledged after the fault': (it) =>
    withCalls(it, (call) => (acknowledged(call) && call.start >= IN_FORCE ? unanswered(call) : call)),
  'no database could be read': (it) => ({ ...it, stored: [], found: { ...it.found, readFrom: null, counted: [] } }),
  'no server gave results': (it) => ({ ...it, found: { ...it.found, counted: [] } }),
  'the load ended early: it stopped': (it) => ({ ...it, found: { ...it.found, cut: 'it stopped' } }),
  'no read with a token was answered after the fault': (it) =>
    withCalls(it, (call) => (call.kind === 'read' ? unanswered(call) : call)),
  'failover ended with exit code 1: no': (it) => ({
    ...it,
    found: { ...it.found, problems: ['failover ended with exit code 1: no'] },
  }),
}
const unanswered = (call: Call): Call => ({ ...call, outcome: 'indefinite', answer: 'UNAVAILABLE: ?', seen: null })

test('if evidence is missing, the verdict is unknown, and names what is missing', async (t) => {
  for (const [reason, take] of Object.entries(NO_EVIDENCE))
    planted((evidence) => {
      const it = judge(take(evidence))
      expectThat(it.verdict === 'unknown' && it.reasons.includes(reason), { reason, it })
    })
  planted((evidence, which) => {
    const it = judge({ ...evidence, calls: evidence.calls.slice(0, which % evidence.calls.length) })
    const whole = evidence.calls.length
    expectThat(it.verdict !== 'pass', it)
    expectThat(
      it.reasons.some((reason) => reason.endsWith(`of ${whole} calls`)),
      it,
    )
  })
  t.pass()
})

test('a broken promise is a fail even if other evidence is missing; a database that nobody read has broken none', async (t) => {
  planted((evidence, which) => {
    const victim = pick(evidence.calls.filter(acknowledged), which)
    const cut = { ...evidence.found, cut: 'it stopped' }
    const it = judge(recounted({ ...evidence, found: cut, stored: without(evidence, victim.user) }))
    expectThat(it.verdict === 'fail' && it.lost.length === 1, it)
    const unread = judge({ ...evidence, stored: [], found: { ...evidence.found, readFrom: null, counted: [] } })
    expectThat(unread.verdict === 'unknown' && unread.lost.length === 0, unread)
  })
  t.pass()
})

test('availability counts calls by their outcome, and finds the longest time without success', async (t) => {
  const call = (start: number, end: number, outcome: Call['outcome']): Call => ({
    kind: 'vote',
    client: 0,
    poll: 'p',
    start,
    end,
    outcome,
    answer: '',
    server: null,
    user: `u${start}`,
    option: 'a',
    token: null,
    expected: null,
    seen: null,
  })
  const calls = [call(0, 10, 'ok'), call(10, 300, 'definite'), call(300, 700, 'indefinite'), call(700, 720, 'ok')]
  const whole = fc.sample(cleanRun, 1)[0]
  if (whole === undefined) throw new Error('no sample')
  const { writes, reads } = judge({ ...whole, calls })
  t.strictSame(writes, { calls: 4, ok: 2, definite: 1, indefinite: 1, longestGap: { from: 10, to: 720 } })
  t.strictSame(reads, { calls: 0, ok: 0, definite: 0, indefinite: 0, longestGap: null })
  const none = judge({ ...whole, calls: [call(5, 100, 'definite'), call(100, 900, 'indefinite')] })
  t.strictSame(none.writes.longestGap, { from: 5, to: 900 })
  t.equal(none.rto, null)
})

test('the pace is that of acknowledged votes before the fault alone', async (t) => {
  const whole = fc.sample(cleanRun, 1)[0]
  const some = whole?.calls.find(acknowledged)
  if (whole === undefined || some === undefined) throw new Error('no sample')
  const call = (start: number, end: number, outcome: Call['outcome'] = 'ok'): Call => ({ ...some, start, end, outcome })
  const events = [{ at: 1000, kind: 'fault' as const, node: 'db-primary' as const, what: '' }]
  const calls = [call(0, 4), call(500, 502), call(600, 900, 'indefinite'), call(700, 708), call(900, 1200)]
  t.strictSame(judge({ ...whole, calls, events }).pace, { perSecond: 3, median: 4, p99: 8 })
  t.equal(judge({ ...whole, calls, events: [] }).pace, null)
})
