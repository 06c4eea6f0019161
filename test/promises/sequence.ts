// One sequence of commands while clients vote, and what those clients were told against what is stored.
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { contentOf } from '../../scripts/lab/experiment/found.ts'
import { judgeReads } from '../../scripts/lab/experiment/judge/reads.ts'
import { judgeVotes, type VoteFindings } from '../../scripts/lab/experiment/judge/votes.ts'
import type { Judgement } from '../../scripts/lab/experiment/record.ts'
import { readLines } from '../../scripts/lab/lines.ts'
import { Call, clockFrom } from '../../scripts/lab/service/load/history.ts'
import { startLoad } from '../../scripts/lab/service/load/load.ts'
import type { Lab } from '../../scripts/lab/topology/topology.ts'
import type { LabStatus } from '../../scripts/lab/verbs/status.ts'
import { addressOf, failureOf, patience, type Ran, startVerb, verb } from '../the-lab.ts'

/** A command as a user would type it, interrupted after so many milliseconds if it is not over by then. */
export type Command = {
  readonly verb: string
  readonly args: readonly string[]
  readonly interruptedAfter?: number | undefined
}

/** After how long a command is interrupted, if it is. */
export const interruptedAfter = fc.option(fc.nat({ max: 2000 }), { freq: 4, nil: undefined })

/** How a command ended; a verb may refuse, and then says what to do. */
export type Ended = { readonly said: string; readonly refused: boolean }

/** Carries out a command; one that neither does its work nor refuses it as a verb refuses is an error. */
export async function carryOut(command: Command): Promise<Ended> {
  const { verb: name, args, interruptedAfter: milliseconds } = command
  const typed = [name, ...args].join(' ')
  const said = milliseconds === undefined ? typed : `${typed}, interrupted after ${milliseconds} ms`
  const ran = milliseconds === undefined ? await verb(name, args) : await interrupted(name, args, milliseconds)
  if (ran.exit === 0) return { said: `${said}: done`, refused: false }
  const [, refusal] = /✗ (.*)\n *→/.exec(ran.stderr) ?? []
  if (ran.exit === 1 && refusal !== undefined) return { said: `${said}: refused, ${refusal}`, refused: true }
  // Before the verb can hear a signal it is ended by it.
  if (milliseconds !== undefined && ran.exit === 130) return { said: `${said}: interrupted`, refused: false }
  throw new Error(`${said}: ${failureOf(ran)}`)
}

async function interrupted(name: string, args: readonly string[], milliseconds: number): Promise<Ran> {
  const running = startVerb(name, args)
  const timer = setTimeout(() => running.child.kill('SIGINT'), milliseconds * patience)
  return running.ended.finally(() => clearTimeout(timer))
}

/** Runs a command that has to do its work. */
export async function succeeds(name: string, ...args: readonly string[]): Promise<void> {
  const ran = await verb(name, args)
  if (ran.exit !== 0) throw new Error(`${[name, ...args].join(' ')}: ${failureOf(ran)}`)
}

export const status = async (): Promise<LabStatus> => JSON.parse((await verb('status', ['--json'])).stdout)

/** What somebody would do who finds the lab in this state and knows only the verbs. */
export async function makeWhole(): Promise<LabStatus> {
  const told: string[] = []
  for (const [name, ...args] of [['fault', 'heal'], ['rejoin'], ['switchover'], ['failover'], ['rejoin']] as const) {
    const now = await status()
    if (now.healthy && told.length > 0) return now
    told.push(failureOf(await verb(name, args)))
  }
  const now = await status()
  if (now.healthy) return now
  throw new Error(`the lab cannot be made whole:\n${told.join('\n')}\n${JSON.stringify(now, null, 2)}`)
}

/** What clients were promised and did not get; empty lists if every promise was kept. */
export type Broken = Pick<VoteFindings, 'lost' | 'duplicates' | 'phantoms' | 'uncounted'> &
  Pick<Judgement, 'staleReads'> & { readonly unread: readonly string[] }

export type Judged = { readonly acknowledged: number; readonly broken: Broken }

/** Waits for a vote that is cast now; gives how that ended, in words. */
export type Vote = () => Promise<string>

/** Does that while clients vote and read, until the lab is whole. Then it judges what they were told. */
export async function judged(lab: Lab, work: (vote: Vote) => Promise<LabStatus>): Promise<Judged> {
  const file = join(tmpdir(), `sequence-${randomUUID()}.jsonl`)
  const clock = clockFrom(Date.now())
  const order = { origin: clock.origin, voters: 4, readers: 1, file, seconds: 600 * patience }
  const load = await startLoad({ address: addressOf('loader'), patience, ...order })
  try {
    const whole = await work(async () =>
      (await load.acknowledgedAfter(clock.now(), 2)) ? 'a vote is acknowledged' : 'no vote is acknowledged',
    )
    await load.stop()
    const lame = whole.nodes.find(({ database }) => database?.role === 'standby' && database.streaming !== true)
    if (whole.primaries.length !== 1 || lame !== undefined) throw new Error(JSON.stringify(whole, null, 2))
    return await judgementOf(lab, await readLines(file, Call))
  } finally {
    await load.kill()
    await rm(file, { force: true })
  }
}

async function judgementOf(lab: Lab, calls: readonly Call[]): Promise<Judged> {
  const { stored, ...content } = await contentOf(lab, [...new Set(calls.map(({ poll }) => poll))])
  const votes = judgeVotes(calls, stored, { ...content, calls: calls.length, cut: null, walLost: null })
  const { acknowledged, lost, duplicates, phantoms, uncounted } = votes
  const { staleReads } = judgeReads(calls, lost, Number.POSITIVE_INFINITY)
  return { acknowledged, broken: { lost, duplicates, phantoms, uncounted, staleReads, unread: content.problems } }
}

/** Throws if a promise was broken. */
export function assertKept({ broken }: Judged): void {
  if (Object.values(broken).some(({ length }) => length > 0)) throw new Error(JSON.stringify(broken, null, 2))
}

/** How many sequences, and from which seed. Without a seed they are the same each time: a change has to answer only for itself. */
export const RUNS = Number(process.env['SEQUENCES_RUNS'] ?? 1)
export const SEED = Number(process.env['SEQUENCES_SEED'] || 400375679)

/** Runs that many random sequences. SEQUENCES_SEED for others, and SEQUENCES_PATH, which a failure prints, for only what failed. */
export const assertAlways = <T>(arbitrary: fc.Arbitrary<T>, property: (it: T) => Promise<void>): Promise<void> =>
  fc.assert(fc.asyncProperty(arbitrary, property), {
    seed: SEED,
    numRuns: RUNS,
    // Shrinking would take the lab through dozens of sequences, most of which would not happen the same way again.
    endOnFailure: true,
    ...(process.env['SEQUENCES_PATH'] ? { path: process.env['SEQUENCES_PATH'] } : {}),
  })
