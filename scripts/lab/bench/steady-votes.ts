import { Metadata } from '@grpc/grpc-js'
import { callOnce, STORED, servicesAt, timelineOf } from '../service/call.ts'

/** Votes that begin at a fixed pace, without waiting for earlier ones; none is retried. */
export type SteadyVotes = {
  /**
   * When the first vote that began after `since` was acknowledged on that timeline, milliseconds since the epoch; undefined
   * before that. A frozen primary that wakes to be killed may acknowledge votes that waited: this does not end the outage.
   */
  readonly acknowledgedAfter: (since: number, timeline: number) => number | undefined
  /** When the last vote until now was acknowledged, milliseconds since the epoch. */
  readonly lastAcknowledged: () => number
  readonly stop: () => void
}

const PACE_MS = 20
/** A vote that meets a dead primary ends after this time. Votes that begin meanwhile do not wait for it. */
const DEADLINE_MS = 2000

/** Begins to vote. */
export function steadyVotes(address: string, poll: string, option: string): SteadyVotes {
  const { votes, close } = servicesAt(address)
  const acknowledged: { readonly began: number; readonly at: number; readonly timeline: number }[] = []
  let voter = 0
  const vote = async () => {
    const began = Date.now()
    voter += 1
    const request = { uuid: poll, userID: `steady-${voter}`, select_options: option }
    // Once: the result of each call has to be seen.
    const got = await callOnce(votes, votes.castVote, request, new Metadata(), new Date(began + DEADLINE_MS))
    if (got.error !== null || got.answer.status !== STORED) return
    acknowledged.push({ began, at: Date.now(), timeline: timelineOf(got.token ?? '') })
  }
  const timer = setInterval(vote, PACE_MS)
  return {
    acknowledgedAfter: (since, wanted) =>
      acknowledged.find(({ began, timeline }) => began > since && timeline === wanted)?.at,
    lastAcknowledged: () => acknowledged.at(-1)?.at ?? Number.NaN,
    stop() {
      clearInterval(timer)
      close()
    },
  }
}
