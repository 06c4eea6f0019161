import { setTimeout as sleep } from 'node:timers/promises'
import { type Call, withinTime } from '../call.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Database } from '../cluster/pool.ts'
import { type Failure, fail, isFailure, type Result } from '../errors.ts'
import type { Reader } from '../reader.ts'
import { type LiveTally, selectCounts } from '../store/live-tallies.ts'
import { selectStanding } from '../store/standing.ts'
import { judge, type Position, type Standing } from '../token.ts'
import { type Counts, changeOf } from './counts.ts'

/** A follower of a poll. */
export type Follower = {
  /** Gets the newest results; older ones that were not taken yet may be dropped. */
  show(tally: LiveTally): void
  /** The end: the poll is closed, or `failure` says why. */
  end(failure?: Failure): void
}

/** Followed polls. */
export type LiveResults = {
  /**
   * Shows the follower the poll's results, then every change. With a token the first results include its write. Gives a
   * function to leave; every follower must call it, also after its end.
   */
  follow(id: string, token: Position | undefined, call: Call, follower: Follower): Promise<Result<() => void>>
  followers(): number
  /** Ends every follower, and takes no more. */
  stop(): void
}

/** Milliseconds between looks at polls. Looks take at most a fifth of the time; otherwise pauses become longer. */
const PAUSE_MS = 100
const LONGEST_PAUSE_MS = 1000
const PAUSE_TO_WORK = 4
/** Milliseconds that a database has to give the results of all polls. */
const LOOK_MS = 2000
/** The most followers of one server. */
const MOST_FOLLOWERS = 1000

type FollowedPoll = { tally: LiveTally; followers: Set<Follower> }

/**
 * One look at a time for all followed polls, however many followers they have, and none without followers. It polls because
 * a standby gets no NOTIFY.
 */
export function makeLiveResults(cluster: Cluster, reader: Reader, mostFollowers = MOST_FOLLOWERS): LiveResults {
  const polls = new Map<string, FollowedPoll>()
  let count = 0
  let looking = false
  let stopping = false

  async function follow(
    id: string,
    token: Position | undefined,
    call: Call,
    follower: Follower,
  ): Promise<Result<() => void>> {
    if (stopping) return serverStopping()
    if (count >= mostFollowers) {
      return fail('TOO_MANY_FOLLOWERS', `${mostFollowers} streams of this server follow polls already`)
    }
    count += 1
    let joined = false
    try {
      const found = await reader.liveTally(id, token, call)
      if (isFailure(found)) return found
      if (!found.value) return fail('POLL_NOT_FOUND', 'uuid: no poll has it')
      if (stopping) return serverStopping()
      joined = true
      return { value: join(found.value, follower) }
    } finally {
      if (!joined) count -= 1
    }
  }

  function join(tally: LiveTally, follower: Follower): () => void {
    const known = polls.get(tally.id)
    const poll = known ?? { tally, followers: new Set() }
    polls.set(tally.id, poll)
    poll.followers.add(follower)
    // Other followers may have been shown higher counts already; then these must not be shown.
    if (!known || changeOf(known.tally.counts, tally.counts) === 'forward') show(poll, tally.counts)
    else follower.show(known.tally)
    if (!looking) void look()
    let left = false
    return () => {
      if (left) return
      left = true
      count -= 1
      poll.followers.delete(follower)
      if (poll.followers.size === 0) drop(poll)
    }
  }

  function show(poll: FollowedPoll, counts: Counts): void {
    const seenUpTo = counts.seenUpTo ?? poll.tally.counts.seenUpTo
    poll.tally = { ...poll.tally, counts: { ...counts, seenUpTo } }
    for (const follower of poll.followers) follower.show(poll.tally)
    if (counts.closed) end(poll)
  }

  function end(poll: FollowedPoll, failure?: Failure): void {
    drop(poll)
    for (const follower of poll.followers) follower.end(failure)
  }

  /** Unless another one took its place: the last follower may have left, and a new one may have come. */
  function drop(poll: FollowedPoll): void {
    if (polls.get(poll.tally.id) === poll) polls.delete(poll.tally.id)
  }

  async function look(): Promise<void> {
    looking = true
    while (polls.size > 0) {
      const started = performance.now()
      const database = cluster.readable()
      const looked = database !== undefined && (await lookAt(database))
      if (!looked) void cluster.view.refresh()
      const pause = looked ? PAUSE_TO_WORK * (performance.now() - started) : 0
      await sleep(Math.min(Math.max(pause, PAUSE_MS), LONGEST_PAUSE_MS))
    }
    looking = false
  }

  /** True if the database answered. */
  async function lookAt(database: Database): Promise<boolean> {
    const asked = [...polls.values()]
    const ids = asked.map(({ tally }) => tally.id)
    const seen = await withinTime(LOOK_MS, (call) => selectCounts(database, ids, call))
    if (isFailure(seen)) return false
    const gone: FollowedPoll[] = []
    for (const poll of asked) {
      const counts = seen.value.get(poll.tally.id)
      const change = counts ? changeOf(poll.tally.counts, counts) : 'back'
      if (counts && change === 'forward') show(poll, counts)
      else if (change === 'back') gone.push(poll)
    }
    return gone.length === 0 || lookBack(database, gone)
  }

  /**
   * Polls for which the database has lower counts than were shown. Either it lags and will catch up, or the history that was
   * shown is lost.
   */
  async function lookBack(database: Database, gone: FollowedPoll[]): Promise<boolean> {
    const standing = await withinTime(LOOK_MS, (call) => selectStanding(database, call))
    if (isFailure(standing)) return false
    const caughtUp = gone.filter(({ tally }) => !isBehind(standing.value, tally.counts.seenUpTo))
    if (caughtUp.length === 0) return true
    // Look again: it may have caught up after the first look.
    const ids = caughtUp.map(({ tally }) => tally.id)
    const seen = await withinTime(LOOK_MS, (call) => selectCounts(database, ids, call))
    if (isFailure(seen)) return false
    for (const poll of caughtUp) {
      const counts = seen.value.get(poll.tally.id)
      if (!counts) end(poll, fail('POLL_NOT_FOUND', 'uuid: the poll is gone'))
      else if (changeOf(poll.tally.counts, counts) === 'back') {
        end(poll, fail('VOTES_LOST', 'votes that this stream showed are gone'))
      }
    }
    return true
  }

  return {
    follow,
    followers: () => count,
    stop() {
      stopping = true
      for (const poll of polls.values()) end(poll, serverStopping())
    },
  }
}

/** A standby that does not know its position follows no primary, and counts as lagging. */
function isBehind(standing: Standing | undefined, shown: Position | undefined): boolean {
  return shown ? judge(shown, standing).kind === 'ahead' : standing === undefined
}

function serverStopping(): Failure {
  return fail('SERVER_STOPPING', 'the server is stopping: follow again')
}
