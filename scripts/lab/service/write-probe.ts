import { randomUUID } from 'node:crypto'
import { credentials, Metadata, status } from '@grpc/grpc-js'
import { VoteServiceClient } from '../../../proto/gen/polling.ts'
import { detailsOf } from './error-details.ts'

export type WriteProbe = { readonly timeline: number; readonly servedBy: string } | { readonly problem: string }

/**
 * Asks the service at `address` to write, and leaves nothing behind: it votes for a poll that does not exist. The vote goes
 * all the way into a transaction on the primary database, but no row is written. The token of the answer has the timeline.
 */
export function probeWrites(address: string, seconds: number): Promise<WriteProbe> {
  // If the balancer is up, a backoff would only add to the measured time.
  const client = new VoteServiceClient(address, credentials.createInsecure(), { 'grpc.enable_retries': 0 })
  const vote = { uuid: randomUUID(), userID: 'failover', select_options: '-' }
  return new Promise<WriteProbe>((resolve) => {
    let headers = new Metadata()
    const call = client.castVote(vote, new Metadata(), { deadline: Date.now() + seconds * 1000 }, (error, answer) => {
      if (error) return resolve({ problem: `${status[error.code]}: ${detailsOf(error)}` })
      const [timeline] = String(headers.get('consistency-token')[0] ?? '').split('-')
      if (answer.status !== 'Poll Not Found' || !timeline) return resolve({ problem: `answered ${answer.status}` })
      resolve({ timeline: Number.parseInt(timeline, 10), servedBy: String(headers.get('x-served-by')[0] ?? '') })
    })
    call.on('metadata', (metadata) => {
      headers = metadata
    })
  }).finally(() => client.close())
}
