import { type Call, endCall, endedBeforeSending, endedWhileWriting, makeCall } from './call.ts'
import { type Failure, fail, isFailure, type Result } from './errors.ts'
import type { Ballot, VoteOutcome } from './store/votes.ts'

/** The outcomes of some votes, in order, and the consistency token of their transaction. */
export type Receipt = { outcomes: (VoteOutcome | Failure)[]; token: string | undefined }

/** Casts votes in one transaction; resolves when it is durable. */
export type CommitVotes = (ballots: Ballot[], call: Call) => Promise<Result<Receipt>>

/** Gathers the votes of concurrent calls into few transactions. */
export type VoteGroups = {
  /** Casts the votes of one call, all in the same transaction. */
  cast(ballots: Ballot[], call: Call): Promise<Result<Receipt>>
  /** Votes that wait for their transaction to begin. */
  waiting(): number
}

export type GroupLimits = {
  /** The most votes in one transaction; the votes of one call are never split. */
  groupSize: number
  /** The most transactions at the same time. */
  inFlight: number
  /** Milliseconds that the next transaction waits for the one before: meanwhile votes gather. */
  holdBackMs: number
  /** The most votes that may wait. */
  queue: number
}

type Entry = { ballots: Ballot[]; call: Call; resolve: (result: Result<Receipt>) => void }

/**
 * Groups for `commit`. If no transaction is in progress, a vote is sent in the same turn of the event loop. Other votes gather
 * until that transaction is done. If it takes long, because it waits for a lock or a distant standby, they do not wait.
 */
export function makeVoteGroups(commit: CommitVotes, limits: GroupLimits): VoteGroups {
  // A Set keeps the order of arrival and lets a call that ends early leave from the middle.
  const entries = new Set<Entry>()
  let votesWaiting = 0
  let groupsInFlight = 0
  let holdingBack = 0
  let scheduled = false

  const mayBegin = () => entries.size > 0 && holdingBack === 0 && groupsInFlight < limits.inFlight

  function cast(ballots: Ballot[], call: Call): Promise<Result<Receipt>> {
    if (call.ended) return Promise.resolve(endedBeforeSending(call))
    if (votesWaiting + ballots.length > limits.queue) {
      return Promise.resolve(fail('QUEUE_FULL', `${votesWaiting} votes are waiting already`))
    }
    return new Promise((resolve) => {
      const entry = { ballots, call, resolve }
      entries.add(entry)
      votesWaiting += ballots.length
      call.abort = () => {
        leave(entry)
        resolve(endedBeforeSending(call))
      }
      schedule()
    })
  }

  function leave(entry: Entry): void {
    entries.delete(entry)
    votesWaiting -= entry.ballots.length
  }

  // Not at once: calls that arrived together are passed on one by one.
  function schedule(): void {
    if (scheduled || !mayBegin()) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      if (mayBegin()) void run(nextGroup())
    })
  }

  function nextGroup(): Entry[] {
    const group: Entry[] = []
    let votes = 0
    for (const entry of entries) {
      votes += entry.ballots.length
      if (votes > limits.groupSize && group.length > 0) break
      group.push(entry)
      leave(entry)
    }
    return group
  }

  async function run(group: Entry[]): Promise<void> {
    groupsInFlight += 1
    const letOthersBegin = holdBack()
    const shared = makeCall(Math.max(...group.map(({ call }) => call.deadline)))
    let open = group.length
    for (const { call, resolve } of group) {
      call.abort = () => {
        // These votes are in the group's statement, whether it was sent already or not.
        resolve(endedWhileWriting(call))
        open -= 1
        // The transaction goes on for the calls that still wait. When no call waits any more, it is cancelled.
        if (open === 0) endCall(shared, call.ended ?? 'deadline')
      }
    }
    const ballots = group.flatMap((entry) => entry.ballots)
    const result = await commit(ballots, shared).catch((error: unknown) => fail('INTERNAL', 'internal error', error))
    groupsInFlight -= 1
    deal(group, result)
    letOthersBegin()
  }

  function holdBack(): () => void {
    holdingBack += 1
    let holding = true
    const letGo = () => {
      clearTimeout(timer)
      if (holding) holdingBack -= 1
      holding = false
      schedule()
    }
    const timer = setTimeout(letGo, limits.holdBackMs)
    return letGo
  }

  return { cast, waiting: () => votesWaiting }
}

/** Gives each call of a group the outcomes of its own votes. */
function deal(group: Entry[], result: Result<Receipt>): void {
  let from = 0
  for (const { ballots, call, resolve } of group) {
    const to = from + ballots.length
    call.abort = undefined
    if (isFailure(result)) resolve(result)
    else resolve({ value: { outcomes: result.value.outcomes.slice(from, to), token: result.value.token } })
    from = to
  }
}
