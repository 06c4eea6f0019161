import { type Call, orEndOfCall } from './call.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { Database } from './cluster/pool.ts'
import { type FailureName, fail, isFailure, type Result } from './errors.ts'
import { type Poll, selectPolls, selectTally, type Tally } from './store/polls.ts'

/** Decides every read: from which database, and whether it is tried again. */
export type Reader = {
  listPolls(call: Call): Promise<Result<Poll[]>>
  tally(id: string, call: Call): Promise<Result<Tally | undefined>>
}

const WORTH_A_SECOND_TRY = new Set<FailureName>(['READ_INTERRUPTED', 'DATABASE_UNREACHABLE'])

/** A reader over the cluster. */
export function makeReader(cluster: Cluster): Reader {
  async function read<T>(call: Call, attempt: (database: Database) => Promise<Result<T>>): Promise<Result<T>> {
    let database = cluster.readable()
    if (!database) {
      await orEndOfCall(call, cluster.view.refresh())
      database = cluster.readable()
    }
    if (!database) return fail('NO_READABLE_DATABASE', `no database answers: ${cluster.view.reason()}`)
    const result = await attempt(database)
    if (!isFailure(result) || !WORTH_A_SECOND_TRY.has(result.failure)) return result
    await orEndOfCall(call, cluster.view.refresh())
    const next = cluster.readable()
    return next && !call.ended ? attempt(next) : result
  }

  return {
    listPolls: (call) => read(call, (database) => selectPolls(database, call)),
    async tally(id, call) {
      const local = cluster.readable()
      const found = await read(call, (database) => selectTally(database, id, call))
      if (isFailure(found) || found.value) return found
      // A replica may not have replayed the poll's creation: the last word is the writable database's.
      const writable = cluster.writable()
      if (!writable || writable === local) return found
      const asked = await selectTally(writable, id, call)
      return isFailure(asked) ? found : asked
    },
  }
}
