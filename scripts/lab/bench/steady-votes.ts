import { credentials, Metadata } from '@grpc/grpc-js'
import { VoteServiceClient } from '../../../proto/gen/polling.ts'

/** Votes that begin at a fixed pace, whatever becomes of those before, each made once. */
export type SteadyVotes = {
  /**
   * When a vote was first acknowledged on that timeline that began after `since`, milliseconds since the epoch; undefined
   * before that. A frozen primary acknowledges what has waited for it when it wakes to be killed: that ends no outage.
   */
  readonly acknowledgedAfter: (since: number, timeline: number) => number | undefined
  readonly stop: () => void
}

const PACE_MS = 20
/** One that meets a dead primary is given up then; those that begin meanwhile do not wait for it. */
const DEADLINE_MS = 2000

/** Begins to vote. */
export function steadyVotes(address: string, poll: string, option: string): SteadyVotes {
  // Each call is to be seen as it ended.
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
