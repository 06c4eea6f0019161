// Replay a failure with what it prints: PROMISES_SEED=… PROMISES_PATH=… npm test -- promises/interleavings
// The calls are then the same; in which order servers take them is up to the machine.
import fc from 'fast-check'
import { test } from 'tap'
import type { VoteResponse } from '../../proto/gen/polling.ts'
import { healthOf } from '../../scripts/lab/service/health.ts'
import { until } from '../../scripts/lab/wait.ts'
import { type Answer, type Client, client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, patience, sql } from '../the-lab.ts'
import { type Attempt, brokenPromises, type Close, countOf, type Ending, type Vote } from './judge.ts'

const OPTIONS = ['a', 'b', 'c']
const SERVERS = ['primary', 'backup'] as const
const DOORS = ['loader', ...SERVERS] as const
type Door = (typeof DOORS)[number]
type Server = (typeof SERVERS)[number]

type Step =
  | {
      readonly kind: 'vote'
      readonly user: number
      readonly option: string
      readonly keyed: boolean
      readonly at: Door
    }
  /** Sends again one of the votes so far, with its key if it has one. */
  | { readonly kind: 'retry'; readonly which: number; readonly at: Door }
  | { readonly kind: 'close'; readonly at: Door }
  /** Kills a server and starts it again, while everything else goes on. */
  | { readonly kind: 'kill'; readonly server: Server }
  /** Waits for all that is under way. */
  | { readonly kind: 'join' }

const at = fc.constantFrom(...DOORS)
const vote = fc.record({
  kind: fc.constant('vote' as const),
  // Few enough to collide.
  user: fc.nat({ max: 9 }),
  option: fc.constantFrom(...OPTIONS),
  keyed: fc.boolean(),
  at,
})
const retry = fc.record({ kind: fc.constant('retry' as const), which: fc.nat({ max: 1000 }), at })
const close = fc.record({ kind: fc.constant('close' as const), at })
const kill = fc.record({ kind: fc.constant('kill' as const), server: fc.constantFrom(...SERVERS) })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 40, arbitrary: vote },
  { weight: 24, arbitrary: retry },
  { weight: 1, arbitrary: close },
  { weight: 2, arbitrary: kill },
  { weight: 8, arbitrary: fc.constant({ kind: 'join' as const }) },
)

const ENDINGS: Readonly<Record<string, Ending>> = {
  'Vote Successfully!': 'stored',
  duplicate_vote: 'duplicate',
  'Poll Closed': 'closed',
  'Poll Not Found': 'refused',
  'Invalid Option': 'refused',
}

function endingOf(answer: Answer<VoteResponse>): Ending {
  if ('ok' in answer) return ENDINGS[answer.ok.status] ?? 'unknown'
  // Only the service itself can say so; the balancer, or nobody at the port, cannot.
  return answer.certainty === 'definite' ? 'refused' : 'unknown'
}

/** Carries out the steps, each without waiting for those before it; gives what every call came to. */
async function carryOut(steps: readonly Step[], poll: string, doors: Record<Door, Client>) {
  const votes: Vote[] = []
  const attempts: Attempt[] = []
  const closes: Close[] = []
  const dying = new Set<Server>()
  let underWay: Promise<void>[] = []

  async function cast(vote: Vote, door: Door): Promise<void> {
    const begun = performance.now()
    const sent = vote.key === undefined ? {} : { key: vote.key }
    const request = { uuid: poll, userID: vote.user, select_options: vote.option }
    const answer = await doors[door].castVote(request, sent)
    attempts.push({ vote, begun, ended: performance.now(), ending: endingOf(answer) })
  }
  async function closePoll(door: Door): Promise<void> {
    const begun = performance.now()
    const answer = await doors[door].closePoll(poll)
    closes.push({ begun, ended: performance.now(), acknowledged: 'ok' in answer })
  }
  async function killAndStart(server: Server): Promise<void> {
    if (dying.has(server)) return
    dying.add(server)
    await docker('kill', containerOf(server))
    await docker('start', containerOf(server))
    dying.delete(server)
  }
  function begin(step: Exclude<Step, { kind: 'join' }>): Promise<void> {
    if (step.kind === 'kill') return killAndStart(step.server)
    if (step.kind === 'close') return closePoll(step.at)
    if (step.kind === 'vote') {
      const key = step.keyed ? `${poll} ${votes.length}` : undefined
      votes.push({ user: `user ${step.user}`, option: step.option, key })
    }
    const vote = votes[step.kind === 'vote' ? votes.length - 1 : step.which % Math.max(1, votes.length)]
    return vote ? cast(vote, step.at) : Promise.resolve()
  }

  for (const step of steps) {
    if (step.kind === 'join') {
      await Promise.all(underWay)
      underWay = []
    } else underWay.push(begin(step))
  }
  await Promise.all(underWay)
  return { attempts, closes }
}

const allServe = () =>
  Promise.all(
    SERVERS.map((name) =>
      until(`${name} to serve`, { seconds: 30, patience }, async () => {
        const seen = await healthOf(addressOf(name), 2 * patience)
        return seen === 'SERVING' ? { done: undefined } : { seen }
      }),
    ),
  )

async function storedIn(poll: string): Promise<readonly Vote[]> {
  const rows = await sql(
    'db-primary',
    `select coalesce(json_agg(json_build_object('user', user_id, 'option', options[option], 'key', vote.idempotency_key)), '[]')
     from vote join poll on poll.id = poll_id where poll_id = '${poll}'`,
  )
  const votes: { user: string; option: string; key: string | null }[] = JSON.parse(rows)
  return votes.map(({ key, ...vote }) => ({ ...vote, key: key ?? undefined }))
}

test('after any interleaving of votes, retries, closes and crashes all promises hold', async (t) => {
  const seen: Record<string, number> = {}
  const run = async (steps: readonly Step[]) => {
    await allServe()
    const doors = {
      loader: client(addressOf('loader')),
      primary: client(addressOf('primary')),
      backup: client(addressOf('backup')),
    }
    try {
      const { uuid: poll } = await ok(doors.primary.createPoll({ poll_questions: 'Any order?', options: OPTIONS }))
      const history = await carryOut(steps, poll, doors)
      for (const { ending } of history.attempts) seen[ending] = (seen[ending] ?? 0) + 1
      await allServe()
      const stored = await storedIn(poll)
      const broken = brokenPromises(history, stored, OPTIONS)
      if (broken.length > 0) throw new Error(broken.join('\n'))
      const expected = JSON.stringify(countOf(stored, OPTIONS))
      for (const name of SERVERS) {
        const it = client(addressOf(name))
        // The standby that backup reads from may be a moment behind.
        await until(`the results of ${name} to be ${expected}`, { seconds: 5, patience }, async () => {
          const answer = await it.results(poll)
          const results = 'ok' in answer ? JSON.stringify(inOrder(answer.ok.results)) : answer.details
          return results === expected ? { done: undefined } : { seen: results }
        }).finally(it.close)
      }
    } finally {
      for (const door of DOORS) doors[door].close()
    }
  }
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 120 }), run), {
    numRuns: Number(process.env['PROMISES_RUNS'] ?? 8),
    // Shrinking would take the lab through hundreds of crashes, most of which would not happen the same way again.
    endOnFailure: true,
    ...(process.env['PROMISES_SEED'] ? { seed: Number(process.env['PROMISES_SEED']) } : {}),
    ...(process.env['PROMISES_PATH'] ? { path: process.env['PROMISES_PATH'] } : {}),
  })
  t.ok((seen['stored'] ?? 0) > 0 && (seen['duplicate'] ?? 0) > 0, `attempts by their end: ${JSON.stringify(seen)}`)
})

const inOrder = (results: Readonly<Record<string, number>>) =>
  Object.fromEntries(OPTIONS.map((option) => [option, results[option]]))
