// Experiments as they could have been: the same from the same seed, for tests and for looking at the report.

import type { Call, Event, Experiment, Judgement, Plan, Run, Sample } from '../../scripts/lab/experiment/record.ts'
import { LEVELS } from '../../scripts/lab/experiment/record.ts'
import { bytesOf, lsnOf } from '../../scripts/lab/lsn.ts'

type Recorded = { readonly run: Run; readonly calls: readonly Call[] }
type Wanted = { readonly seed: number; readonly plan?: Partial<Plan>; readonly lost?: number; readonly rto?: number }

const POLL = '0b9e6f5c-3f0e-4a53-9c5a-3d1f0a7b6c21'
const BYTES_A_VOTE = 420n

/** A run in which the primary dies, and is replaced after some 1.4 s; votes are lost if that is wanted. */
export function sampleRun({ seed, plan: wished, lost = 0, rto = 1400 }: Wanted): Recorded {
  const random = randomOf(seed)
  const plan: Plan = {
    manager: 'scripted',
    fault: 'crash',
    node: 'db-primary',
    recovery: 'failover',
    level: 'on',
    voters: 8,
    readers: 2,
    before: 5,
    after: 10,
    lag: 0,
    ...wished,
  }
  const fault = plan.before * 1000 + random() * 40
  const length = (plan.before + plan.after) * 1000
  const back = fault + rto
  const calls = callsOf(plan, fault, back, length, random)
  const votes = calls.filter((it) => it.kind === 'vote' && it.outcome === 'ok')
  const before = votes.filter((it) => it.end < fault)
  const gone = before.slice(before.length - lost)
  const shares = { detection: 0.22, check: 0.11, fencing: 0.2, promotion: 0.32, reconnection: 0.15 } as const
  const parts = Object.entries(shares).map(([name, share]) => ({ name: name as keyof typeof shares, ms: share * rto }))
  const name = `${plan.fault}-${plan.level}-${seed}`
  const judgement: Judgement = {
    verdict: lost > 0 ? 'fail' : 'pass',
    reasons:
      lost > 0
        ? [`${lost} acknowledged votes are not in the database.`]
        : [`All ${votes.length} acknowledged votes are stored, once each.`, 'No read missed its own write.'],
    rto,
    parts,
    pace: { perSecond: before.length / plan.before, median: 4.2, p99: 11.9 },
    acknowledged: votes.length,
    stored: votes.length - lost,
    lost: gone.map(({ poll, user, option, end }) => ({ poll, user: user ?? '', option: option ?? '', at: end })),
    walLost: lost * Number(BYTES_A_VOTE),
    splitBrain: 0,
    duplicates: [],
    phantoms: [],
    staleReads: [],
    historyLost: lost > 0 ? 2 : 0,
    writes: availability(calls.filter((it) => it.kind === 'vote')),
    reads: availability(calls.filter((it) => it.kind === 'read')),
  }
  const at = (share: number): number => fault + share * rto
  const events: Event[] = [
    { at: fault, kind: 'fault', node: plan.node, what: `fault ${plan.fault} ${plan.node} begins` },
    { at: fault + 35, kind: 'in-force', node: plan.node, what: 'its process is gone' },
    { at: at(0.22), kind: 'detected', node: plan.node, what: 'three statements without an answer' },
    { at: at(0.33), kind: 'checked', node: 'db-replica', what: 'it lacks 0 B of what is known to be written' },
    { at: at(0.53), kind: 'fenced', node: plan.node, what: 'its container is not running, and its data says fenced' },
    { at: at(0.85), kind: 'promoted', node: 'db-replica', what: 'out of recovery, on timeline 2' },
    { at: back, kind: 'serving', node: null, what: 'a vote through the balancer was acknowledged' },
    { at: fault + 6100, kind: 'healed', node: plan.node, what: 'the fault is lifted' },
    { at: fault + 7900, kind: 'rejoined', node: plan.node, what: 'rewound, and streaming from db-replica' },
  ]
  const times = { fault, promoted: at(0.85), rejoined: fault + 7900 }
  const samples = samplesOf(times, length, votes, BigInt(lost) * BYTES_A_VOTE)
  return { run: { name, at: '2026-11-23T08:45:00.000Z', plan, length, events, samples, judgement }, calls }
}

/** An experiment of one run. */
export const oneRun = (wanted: Wanted) => experimentOf([sampleRun(wanted)])

/** Four faults at four levels, so many runs each; votes are lost at the weakest. */
export function matrix(each: number) {
  const faults = ['crash', 'freeze', 'isolate', 'stop'] as const
  const plans = faults.flatMap((fault) => LEVELS.map((level) => ({ fault, level })))
  return experimentOf(
    plans.flatMap((plan, row) =>
      Array.from({ length: each }, (_, index) => {
        const seed = row * 100 + index + 1
        const random = randomOf(seed)
        const rto = (plan.fault === 'freeze' ? 1900 : plan.fault === 'stop' ? 700 : 1300) + random() * 500
        const lost = plan.level === 'async' && plan.fault !== 'stop' ? Math.floor(random() * 40) : 0
        return sampleRun({ seed, plan, rto, lost })
      }),
    ),
  )
}

/** An experiment, and its calls, in which every text that is free is the same. */
export function planted(text: string): [Experiment, ReadonlyMap<string, readonly Call[]>] {
  const { experiment } = oneRun({ seed: 1 })
  const recorded = [1, 2].map((seed) => sampleRun({ seed }))
  const runs = recorded.map(({ run }) => ({
    ...run,
    name: text,
    at: text,
    plan: { ...run.plan, fault: text },
    events: run.events.map((it) => ({ ...it, what: text })),
    samples: run.samples.map((it) => ({
      ...it,
      databases: it.databases.map((database) => ({ ...database, lsn: text, receivedLsn: text })),
    })),
    judgement: {
      ...run.judgement,
      reasons: [text],
      lost: [{ poll: text, user: text, option: text, at: 1 }],
      duplicates: [text],
      phantoms: [text],
      staleReads: [{ client: 1, at: 1, expected: 2, seen: 1 }],
    },
  }))
  const said = recorded
    .flatMap(({ calls }) => calls.slice(0, 100))
    .map((it) => ({ ...it, poll: text, answer: text, user: text, option: text, token: text }))
  const machine = { ...experiment.machine, model: text, system: text }
  return [{ ...experiment, at: text, machine, runs }, new Map([[text, said]])]
}

function experimentOf(recorded: readonly Recorded[]) {
  const runs = recorded.map(({ run }) => run)
  const experiment: Experiment = {
    at: '2026-11-23T08:45:00.000Z',
    machine: { processors: 2, model: 'a processor', memoryGiB: 8, kernel: '6.12', engine: '26.1', node: '24.1' },
    postgres: 17,
    verdict: runs.some((it) => it.judgement.verdict === 'fail') ? 'fail' : 'pass',
    runs,
  }
  return { experiment, calls: new Map(recorded.map(({ run, calls }) => [run.name, calls])) }
}

function callsOf(plan: Plan, fault: number, back: number, length: number, random: () => number): Call[] {
  const calls: Call[] = []
  for (let client = 0; client < plan.voters + plan.readers; client++) {
    const reads = client >= plan.voters
    let now = random() * 15
    for (let turn = 0; now < length; turn++) {
      const kind = reads && turn % 2 === 1 ? 'read' : 'vote'
      const usual = (kind === 'read' ? 5 : 12) * Math.exp((random() - 0.4) * 1.1) + (random() < 0.004 ? 60 : 0)
      const end = now + usual
      // In flight at the fault: nobody knows. Begun in the outage: waits for a primary, and gives up after 1 s.
      const lostItsWay = kind === 'vote' && now < fault && end >= fault
      const waits = kind === 'vote' && now >= fault && now < back
      const outcome = lostItsWay ? 'indefinite' : waits && back - now > 1000 ? 'definite' : 'ok'
      const ended = lostItsWay ? fault + 25 + random() * 80 : waits ? Math.min(back + random() * 50, now + 1000) : end
      calls.push({
        kind,
        client,
        poll: POLL,
        start: now,
        end: ended,
        outcome,
        answer: outcome === 'ok' ? 'Vote Successfully!' : 'UNAVAILABLE: no writable database',
        server: random() < 0.5 ? 'primary' : 'backup',
        user: kind === 'vote' ? `voter-${client}-${turn}` : null,
        option: kind === 'vote' ? (random() < 0.5 ? 'tea' : 'coffee') : null,
        token: null,
        expected: kind === 'read' ? 1 : null,
        seen: kind === 'read' ? 1 : null,
      })
      now = ended + 1
    }
  }
  return calls.sort((a, b) => a.end - b.end)
}

function availability(calls: readonly Call[]): Judgement['writes'] {
  const ok = calls.filter((it) => it.outcome === 'ok')
  const gaps = ok.slice(1).map((it, index) => ({ from: ok[index]?.end ?? 0, to: it.end }))
  return {
    calls: calls.length,
    ok: ok.length,
    definite: calls.filter((it) => it.outcome === 'definite').length,
    indefinite: calls.filter((it) => it.outcome === 'indefinite').length,
    longestGap: gaps.sort((a, b) => b.to - b.from - (a.to - a.from))[0] ?? null,
  }
}

function samplesOf(
  { fault, promoted, rejoined }: Record<'fault' | 'promoted' | 'rejoined', number>,
  length: number,
  votes: readonly Call[],
  behind: bigint,
): Sample[] {
  const start = bytesOf('0/3000148')
  const written = (at: number): bigint => start + BigInt(votes.filter((it) => it.end <= at).length) * BYTES_A_VOTE
  const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)
  const silent = { role: null, timeline: null, lsn: null, receivedLsn: null }
  return Array.from({ length: Math.floor(length / 250) }, (_, index) => {
    const at = index * 250
    const follows = lsnOf(max(start, written(at - 40) - behind))
    const head = lsnOf(written(at))
    const standby = {
      role: 'standby',
      timeline: 1,
      lsn: follows,
      receivedLsn: lsnOf(max(start, written(at - 10) - behind)),
    } as const
    const old =
      at < fault
        ? { role: 'primary' as const, timeline: 1, lsn: head, receivedLsn: null }
        : at < rejoined
          ? silent
          : { ...standby, timeline: 2, receivedLsn: head }
    const other = at < promoted ? standby : ({ role: 'primary', timeline: 2, lsn: head, receivedLsn: null } as const)
    return {
      at,
      databases: [
        { name: 'db-primary', ...old },
        { name: 'db-replica', ...other },
      ],
    }
  })
}

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
