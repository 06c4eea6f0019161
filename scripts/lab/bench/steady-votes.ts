import { credentials, Metadata } from '@grpc/grpc-js'
import { VoteServiceClient } from '../../../proto/gen/polling.ts'

/** Votes that begin at a fixed pace, without waiting for earlier ones; none is retried. */
export type SteadyVotes = {
  /**
   * When the first vote that began after `since` was acknowledged on that timeline, milliseconds since the epoch; undefined
   * before that. A frozen primary that wakes to be killed may acknowledge votes that waited: this does not end the outage.
   */
  readonly acknowledgedAfter: (since: number, timeline: number) => number | undefined
  readonly stop: () => void
}

const PACE_MS = 20
/** A vote that meets a dead primary ends after this time. Votes that begin meanwhile do not wait for it. */
const DEADLINE_MS = 2000

/** Begins to vote. */
export function steadyVotes(address: string, poll: string, option: string): SteadyVotes {
  // No retries: the result of each call has to be seen.
  const client = new VoteServiceClient(address, credentials.createInsecure(), { 'grpc.enable_retries': 0 })
  const acknowledged: { readonly began: number; readonly at: number; readonly timeline: number }[] = []
  let voter = 0
  const timer = setInterval(() => {
    const began = Date.now()
    voter += 1
    const vote = { uuid: poll, userID: `steady-${voter}`, select_options: option }
    let timeline = 0
    client
      .castVote(vote, new Metadata(), { deadline: began + DEADLINE_MS }, (error, answer) => {
        if (error !== null || answer.status !== 'Vote Successfully!') return
        acknowledged.push({ began, at: Date.now(), timeline })
      })
      .on('metadata', (headers) => {
        timeline = Number.parseInt(String(headers.get('consistency-token')[0]), 10)
      })
  }, PACE_MS)
  return {
    acknowledgedAfter: (since, wanted) =>
      acknowledged.find(({ began, timeline }) => began > since && timeline === wanted)?.at,
    stop() {
      clearInterval(timer)
      client.close()
    },
  }
}
