import { randomUUID } from 'node:crypto'
import { type Call, orEndOfCall } from './call.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { Database } from './cluster/pool.ts'
import { type FailureName, fail, isFailure, type Result } from './errors.ts'
import { closePoll, insertPoll, type Poll } from './store/polls.ts'
import { castVote, type VoteOutcome } from './store/votes.ts'

/** Decides every write: on which database, and whether it is tried again. */
export type BallotBox = {
  createPoll(question: string, options: string[], call: Call): Promise<Result<Poll | undefined>>
  closePoll(id: string, call: Call): Promise<Result<Poll | undefined>>
  castVote(pollId: string, userId: string, option: string, call: Call): Promise<Result<VoteOutcome>>
}

// Failures that say: not written, and what is believed of the cluster is out of date.
const WORTH_A_SECOND_TRY = new Set<FailureName>(['DATABASE_READ_ONLY', 'DATABASE_UNREACHABLE'])

/** A ballot box over the cluster; `onRetry` is told of every second try. */
export function makeBallotBox(cluster: Cluster, onRetry: () => void): BallotBox {
  async function write<T>(call: Call, attempt: (database: Database) => Promise<Result<T>>): Promise<Result<T>> {
    let database = cluster.writable()
    if (!database) {
      await orEndOfCall(call, cluster.view.refresh())
      database = cluster.writable()
    }
    if (!database) return fail('NO_WRITABLE_DATABASE', `no database takes writes: ${cluster.view.reason()}`)
    const result = await attempt(database)
    if (!isFailure(result)) return result
    if (result.failure === 'CONNECTION_LOST') void cluster.view.refresh()
    if (!WORTH_A_SECOND_TRY.has(result.failure)) return result
    await orEndOfCall(call, cluster.view.refresh())
    const next = cluster.writable()
    if (!next || call.ended) return result
    onRetry()
    return attempt(next)
  }

  return {
    createPoll(question, options, call) {
      // The second try carries the same id: it can never make a second poll.
      const poll = { id: randomUUID(), question, options }
      return write(call, (database) => insertPoll(database, poll, call))
    },
    closePoll: (id, call) => write(call, (database) => closePoll(database, id, call)),
    castVote: (pollId, userId, option, call) =>
      write(call, (database) => castVote(database, { pollId, userId, option }, call)),
  }
}
