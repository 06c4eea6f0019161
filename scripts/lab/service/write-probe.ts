import { randomUUID } from 'node:crypto'
import { credentials, Metadata, status } from '@grpc/grpc-js'
import { VoteServiceClient } from '../../../proto/gen/polling.ts'
import { detailsOf } from './error-details.ts'

export type WriteProbe = { readonly timeline: number; readonly servedBy: string } | { readonly problem: string }

/**
 * Asks the service at `address` to write, and leaves nothing behind: a vote for a poll that does not exist. It takes the
 * whole way of a vote, into a transaction on the database that takes writes, where only the row is missing; the token of
 * the answer says on which timeline that was.
 */
export function probeWrites(address: string, seconds: number): Promise<WriteProbe> {
  // Backing off from a balancer that is there would only add to what is measured.
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
