import { setTimeout as pause } from 'node:timers/promises'
import type { LoadClient, Told } from './client.ts'
import { type Call, type Clock, HISTORY_LOST, nameOf } from './history.ts'

/** What a caller works with. */
export type Work = {
  /** The number of this caller. */
  readonly id: number
  readonly client: LoadClient
  readonly clock: Clock
  readonly record: (call: Call) => void
  /** Aborted when no new call may begin. */
  readonly ending: AbortSignal
}

const OPTIONS = ['Tea', 'Coffee', 'Water'] as const
/** Milliseconds of pause after a failed call: otherwise a service that refuses at once would fill the history. */
const AFTER_FAILURE_MS = 50
/** After these answers the reader's poll, or votes in it, are gone. */
const POLL_IS_GONE: readonly string[] = [...HISTORY_LOST, 'POLL_NOT_FOUND']

/** A new poll, or undefined if the time is over. */
export async function newPoll({ client, ending, id }: Work): Promise<string | undefined> {
  while (!ending.aborted) {
    const poll = await client.createPoll(`What does caller ${id} ask?`, OPTIONS)
    if (poll !== undefined) return poll
    await rest(AFTER_FAILURE_MS, ending)
  }
  return undefined
}

/** How a voter votes: the beginning of its users' names, the options in turn, and its pause after each answer. */
export type Manner = { readonly name: string; readonly options: readonly string[]; readonly restMs: number }

/** Votes in a poll, each time as somebody else. */
export async function voter(work: Work, poll: string, { name, options, restMs }: Manner = WITHOUT_REST): Promise<void> {
  for (let nth = 1; !work.ending.aborted; nth++) {
    const option = options[nth % options.length] ?? ''
    const { outcome } = await vote(work, poll, `${name}-${work.id}-${nth}`, option)
    const milliseconds = outcome === 'ok' ? restMs : Math.max(restMs, AFTER_FAILURE_MS)
    if (milliseconds > 0) await rest(milliseconds, work.ending)
  }
}

const WITHOUT_REST: Manner = { name: 'voter', options: OPTIONS, restMs: 0 }

/** Votes in a poll of its own, and after each vote reads what it wrote. If history is lost, it creates another poll. */
export async function reader(work: Work, first: string): Promise<void> {
  let poll: string | undefined = first
  let nth = 0
  while (poll !== undefined) {
    let acknowledged = 0
    let gone = false
    while (!gone && !work.ending.aborted) {
      nth += 1
      const { outcome, token, answer } = await vote(
        work,
        poll,
        `reader-${work.id}-${nth}`,
        OPTIONS[nth % OPTIONS.length] ?? '',
      )
      if (outcome !== 'ok' || token === null) {
        gone = answer === 'Poll Not Found'
        if (!gone) await rest(AFTER_FAILURE_MS, work.ending)
        continue
      }
      acknowledged += 1
      gone = await readUntilTold(work, poll, token, acknowledged)
    }
    poll = await newPoll(work)
  }
}

/**
 * Reads with a token until there is an answer: results, or that the write of the token is lost; then it gives `true`. The
 * token of the next vote would not show that this one is lost.
 */
async function readUntilTold(work: Work, poll: string, token: string, expected: number): Promise<boolean> {
  while (!work.ending.aborted) {
    const start = work.clock.now()
    const { seen, ...told } = await work.client.read(poll, token)
    work.record({ ...common(work, poll, start, told), kind: 'read', user: null, option: null, expected, seen })
    if (told.outcome === 'ok') return false
    if (POLL_IS_GONE.includes(nameOf(told.answer))) return true
    await rest(AFTER_FAILURE_MS, work.ending)
  }
  return false
}

async function vote(work: Work, poll: string, user: string, option: string): Promise<Told> {
  const start = work.clock.now()
  const told = await work.client.vote(poll, user, option, `${poll} ${user}`)
  work.record({ ...common(work, poll, start, told), kind: 'vote', user, option, expected: null, seen: null })
  return told
}

const common = ({ id, clock }: Work, poll: string, start: number, { outcome, answer, server, token }: Told) => ({
  client: id,
  poll,
  start,
  end: clock.now(),
  outcome,
  answer,
  server,
  token,
})

const rest = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  pause(milliseconds, undefined, { signal }).catch(() => {})
