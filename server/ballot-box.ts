import { randomUUID } from 'node:crypto'
import { type Call, endedWhileWriting, orEndOfCall } from './call.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { Database, Written } from './cluster/pool.ts'
import { type FailureName, fail, isFailure, type Result } from './errors.ts'
import { makeGroups, type Outcomes } from './groups.ts'
import { closePoll, insertPoll, type NewPoll, type Poll, selectPollByKey } from './store/polls.ts'
import { type Ballot, castVotes, selectKeyOwners, type VoteOutcome } from './store/votes.ts'

/** Decides for every write which database it goes to, and whether it is retried. */
export type BallotBox = {
  /** If the key is known already, answers with the poll that was created with it. */
  createPoll(
    question: string,
    options: string[],
    key: string | undefined,
    call: Call,
  ): Promise<Result<WrittenPoll | undefined>>
  closePoll(id: string, call: Call): Promise<Result<WrittenPoll | undefined>>
  /** Casts the votes of one call in order, in one transaction. */
  castVotes(ballots: Ballot[], call: Call): Promise<Result<Receipt>>
  /** Votes that wait for their transaction to begin. */
  votesWaiting(): number
}

/** The outcomes of votes, in order, and the token of their transaction. */
export type Receipt = Outcomes<VoteOutcome>

export type WrittenPoll = { poll: Poll; token: string | undefined }

/** Events of a ballot box. */
export type BallotBoxEvents = {
  /** A write is tried again. */
  retried(): void
  /** A group of votes was committed. */
  committed(votes: number): void
}

/** The most votes in one transaction, and thus in one batch of a bulk stream. */
export const GROUP_SIZE = 512
// Fewer than the connections of a pool; with two servers, no more than the lanes of tallies.
const GROUPS_IN_FLIGHT = 4
// A commit takes a few milliseconds. More groups at a time would only be smaller, and each group has a cost.
const HOLD_BACK_MS = 5
/** The most votes that wait: a server stores them in a fraction of a second. */
const QUEUE = 10_000

// How often a write is tried if it fails so. In each case nothing was written, and either the view of the cluster is out of
// date, or the other side of a deadlock goes on. That one may be slower than the next try, and then they block each other again.
const TRIES: Partial<Record<FailureName, number>> = { DATABASE_READ_ONLY: 2, DATABASE_UNREACHABLE: 2, WRITE_ABORTED: 5 }

/** A ballot box over the cluster. */
export function makeBallotBox(cluster: Cluster, events: BallotBoxEvents): BallotBox {
  async function write<T>(call: Call, attempt: (database: Database) => Promise<Result<T>>): Promise<Result<T>> {
    if (!cluster.writable()) await orEndOfCall(call, cluster.view.refresh())
    for (let tries = 1; ; tries++) {
      const database = cluster.writable()
      if (!database) return fail('NO_WRITABLE_DATABASE', `no database takes writes: ${cluster.view.reason()}`)
      const result = await attempt(database)
      if (!isFailure(result)) return result
      if (result.failure === 'CONNECTION_LOST') void cluster.view.refresh()
      if (tries >= (TRIES[result.failure] ?? 1)) return result
      await orEndOfCall(call, cluster.view.refresh())
      if (!cluster.writable() || call.ended) return result
      events.retried()
    }
  }

  const commit = async (ballots: Ballot[], call: Call): Promise<Result<Receipt>> => {
    const result = await write(call, (database) => commitVotes(database, ballots, call))
    if (!isFailure(result)) events.committed(ballots.length)
    return result
  }
  const groups = makeGroups(
    { transaction: commit, endedMeanwhile: endedWhileWriting },
    {
      groupSize: GROUP_SIZE,
      inFlight: GROUPS_IN_FLIGHT,
      holdBackMs: HOLD_BACK_MS,
      queue: QUEUE,
    },
  )

  return {
    createPoll(question, options, key, call) {
      // The second try has the same id, so it can never make a second poll.
      const poll = { id: randomUUID(), question, options, key }
      return write(call, (database) => createPoll(database, poll, call))
    },
    closePoll: (id, call) => write(call, async (database) => writtenPoll(await closePoll(database, id, call))),
    castVotes: groups.take,
    votesWaiting: groups.waiting,
  }
}

async function createPoll(database: Database, poll: NewPoll, call: Call): Promise<Result<WrittenPoll | undefined>> {
  const created = writtenPoll(await insertPoll(database, poll, call))
  if (isFailure(created) || created.value || poll.key === undefined) return created
  const first = writtenPoll(await selectPollByKey(database, poll.key, call))
  if (isFailure(first) || !first.value) return first
  const { question, options } = first.value.poll
  const same = question === poll.question && JSON.stringify(options) === JSON.stringify(poll.options)
  return same ? first : fail('KEY_REUSED', 'idempotency-key: another poll was created with it')
}

function writtenPoll(result: Result<Written<Poll>>): Result<WrittenPoll | undefined> {
  if (isFailure(result)) return result
  const { rows, token } = result.value
  return { value: rows[0] && { poll: rows[0], token } }
}

async function commitVotes(database: Database, ballots: Ballot[], call: Call): Promise<Result<Receipt>> {
  const written = await castVotes(database, ballots, call)
  if (isFailure(written)) return written
  const { rows, token } = written.value
  const outcomes: Receipt['outcomes'] = rows.map(({ outcome }) => outcome)
  // If a vote with a key was not stored now, an earlier try may have stored it.
  const repeated = [...ballots.keys()].filter((i) => ballots[i]?.key !== undefined && outcomes[i] !== 'stored')
  if (repeated.length === 0) return { value: { outcomes, token } }
  const asked = repeated.flatMap((i) => ballots[i] ?? [])
  const owners = await selectKeyOwners(database, asked, call)
  for (const [nth, i] of repeated.entries()) {
    if (isFailure(owners)) outcomes[i] = owners
    else if (owners.value[nth]?.owner === 'same vote') outcomes[i] = 'stored'
    else if (owners.value[nth]?.owner === 'other vote') {
      outcomes[i] = fail('KEY_REUSED', 'idempotency-key: another vote was cast with it')
    }
  }
  return { value: { outcomes, token } }
}
