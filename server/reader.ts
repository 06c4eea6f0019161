import { setTimeout as sleep } from 'node:timers/promises'
import { type Call, endedWhileReading, orEndOfCall } from './call.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { Database } from './cluster/pool.ts'
import { type Failure, type FailureName, fail, isFailure, type Result } from './errors.ts'
import { makeGroups, type Outcomes } from './groups.ts'
import type { PageEnd } from './page-token.ts'
import { makeJudge } from './standings.ts'
import { type LiveTally, selectLiveTally } from './store/live-tallies.ts'
import { type PollPage, selectPollPage } from './store/poll-pages.ts'
import { type Poll, selectPolls, selectTallies, type Tally } from './store/polls.ts'
import { lsnText, type Position, type Verdict } from './token.ts'

/** Decides for every read which database it uses, and whether it is retried. With a token it includes that write. */
export type Reader = {
  listPolls(token: Position | undefined, call: Call): Promise<Result<Poll[]>>
  /** Polls after the end of a page, or the first ones. The token is used for the first page only. */
  pollPage(after: PageEnd | undefined, size: number, token: Position | undefined, call: Call): Promise<Result<PollPage>>
  tally(id: string, token: Position | undefined, call: Call): Promise<Result<Tally | undefined>>
  /** As `tally`, to be followed from there. */
  liveTally(id: string, token: Position | undefined, call: Call): Promise<Result<LiveTally | undefined>>
}

const WORTH_A_SECOND_TRY = new Set<FailureName>(['READ_INTERRUPTED', 'DATABASE_UNREACHABLE'])

/** Milliseconds that a read waits until the local database has replayed its token; after that it uses the writable one. */
const REPLAY_PATIENCE_MS = 1000
/** Milliseconds between two looks at that progress. */
const LOOK_AGAIN_MS = 5

/** A reader over the cluster. `readFrom` is called with the database that each read with a token used, and the token. */
export function makeReader(
  cluster: Cluster,
  readFrom: (database: 'own' | 'writable', token: Position) => void,
): Reader {
  const judge = makeJudge()

  async function read<T>(
    token: Position | undefined,
    call: Call,
    attempt: (database: Database) => Promise<Result<T>>,
  ): Promise<Result<T>> {
    const choose = () => (token ? databaseWith(token, call) : anyDatabase(call))
    const first = await choose()
    const result = isFailure(first) ? first : await attempt(first.value)
    if (!isFailure(result) || !WORTH_A_SECOND_TRY.has(result.failure)) return result
    await orEndOfCall(call, cluster.view.refresh())
    if (call.ended) return result
    const second = await choose()
    return isFailure(second) ? second : attempt(second.value)
  }

  async function anyDatabase(call: Call): Promise<Result<Database>> {
    if (!cluster.readable()) await orEndOfCall(call, cluster.view.refresh())
    const database = cluster.readable()
    if (!database) return fail('NO_READABLE_DATABASE', `no database answers: ${cluster.view.reason()}`)
    return { value: database }
  }

  /** The readable database if it replays up to the token in time, else the writable one, which decides. */
  async function databaseWith(token: Position, call: Call): Promise<Result<Database>> {
    const giveUp = Math.min(Date.now() + REPLAY_PATIENCE_MS, (Date.now() + call.deadline) / 2)
    for (;;) {
      const database = cluster.readable()
      if (!database || database === cluster.writable()) break
      const verdict = await judge(database, token)
      if (call.ended) return endedWhileReading(call)
      if (!isFailure(verdict) && verdict.value.kind === 'reached') {
        readFrom('own', token)
        return { value: database }
      }
      if (isFailure(verdict) || verdict.value.kind === 'lost' || Date.now() >= giveUp) break
      await sleep(LOOK_AGAIN_MS)
    }
    let [database, verdict] = await lastWord(token)
    if (!database || verdict.kind !== 'reached') {
      // The view of the cluster may be out of date.
      await orEndOfCall(call, cluster.view.refresh())
      if (call.ended) return endedWhileReading(call)
      ;[database, verdict] = await lastWord(token)
    }
    if (!database || verdict.kind !== 'reached') return refusal(token, verdict)
    readFrom('writable', token)
    return { value: database }
  }

  async function lastWord(token: Position): Promise<[Database | undefined, Verdict | Silence]> {
    const database = cluster.writable()
    if (!database) return [undefined, { kind: 'silent' }]
    const verdict = await judge(database, token)
    return [database, isFailure(verdict) ? { kind: 'silent' } : verdict.value]
  }

  async function ofPoll<T>(
    token: Position | undefined,
    call: Call,
    select: (database: Database) => Promise<Result<T | undefined>>,
  ): Promise<Result<T | undefined>> {
    const local = cluster.readable()
    const found = await read(token, call, select)
    if (isFailure(found) || found.value) return found
    // A replica may not have replayed the poll's creation, so the writable database decides.
    const writable = cluster.writable()
    if (!writable || writable === local) return found
    const asked = await select(writable)
    return isFailure(asked) ? found : asked
  }

  /** The results of these polls, in order, with one query. */
  async function tallies(ids: string[], call: Call): Promise<Result<Outcomes<Tally | undefined>>> {
    const found = new Map<string, Tally>()
    const wanted = new Set(ids)
    const local = cluster.readable()
    const first = await read(undefined, call, (database) => selectTallies(database, [...wanted], call))
    if (isFailure(first)) return first
    for (const tally of first.value) found.set(tally.id, tally)
    const missing = [...wanted].filter((id) => !found.has(id))
    // A replica may not have replayed the creation of a poll, so the writable database decides.
    const writable = cluster.writable()
    if (missing.length > 0 && writable && writable !== local) {
      const second = await selectTallies(writable, missing, call)
      if (!isFailure(second)) for (const tally of second.value) found.set(tally.id, tally)
    }
    return { value: { outcomes: ids.map((id) => found.get(id)) } }
  }
  // Calls that wait at the same time share a query, which begins after the last of them has come.
  const groups = makeGroups<string, Tally | undefined>(
    { transaction: tallies, endedMeanwhile: endedWhileReading },
    { groupSize: 512, inFlight: 4, holdBackMs: 5, queue: 10_000 },
  )

  async function tally(id: string, token: Position | undefined, call: Call): Promise<Result<Tally | undefined>> {
    if (token === undefined) {
      const group = await groups.take([id.toLowerCase()], call)
      if (isFailure(group)) return group
      const [outcome] = group.value.outcomes
      return outcome && isFailure(outcome) ? outcome : { value: outcome }
    }
    return ofPoll(token, call, async (database) => {
      const result = await selectTallies(database, [id], call)
      return isFailure(result) ? result : { value: result.value[0] }
    })
  }

  return {
    listPolls: (token, call) => read(token, call, (database) => selectPolls(database, call)),
    async pollPage(after, size, token, call) {
      const select = (database: Database) => selectPollPage(database, after, size, call)
      const page = await read(after ? after.seenUpTo : token, call, select)
      // If part of what the first page saw is lost, the other polls are still shown.
      return after && isFailure(page) && page.failure === 'HISTORY_LOST' ? read(undefined, call, select) : page
    },
    tally,
    liveTally: (id, token, call) => ofPoll(token, call, (database) => selectLiveTally(database, id, call)),
  }
}

/** The writable database is unknown, or does not give its position. */
type Silence = { kind: 'silent' }

function refusal(token: Position, verdict: Verdict | Silence): Failure {
  const position = `position ${lsnText(token.lsn)} of timeline ${token.timeline}`
  if (verdict.kind === 'lost') {
    const end = verdict.endedAt === undefined ? 'is not in the history' : `ended at ${lsnText(verdict.endedAt)}`
    return fail(
      'HISTORY_LOST',
      `consistency-token: ${position} was lost in a failover: timeline ${token.timeline} ${end}`,
    )
  }
  return verdict.kind === 'ahead'
    ? fail('TOKEN_AHEAD', `consistency-token: no database has come to ${position}`)
    : fail('TOKEN_NOT_REACHED', `consistency-token: no database that answers has come to ${position} yet`)
}
