import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { castOnce, timelineOf } from './call.ts'
import { detailsOf } from './error-details.ts'

export type WriteProbe = { readonly timeline: number; readonly servedBy: string } | { readonly problem: string }

/**
 * Asks the service at `address` to write, and leaves nothing behind: it votes for a poll that does not exist. The vote goes
 * all the way into a transaction on the primary database, but no row is written. The token of the answer has the timeline.
 */
export async function probeWrites(address: string, seconds: number): Promise<WriteProbe> {
  // If the balancer is up, a backoff would only add to the measured time: so it calls once.
  const got = await castOnce(address, { uuid: randomUUID(), userID: 'failover', select_options: '-' }, seconds)
  if (got.error !== null) return { problem: `${status[got.error.code]}: ${detailsOf(got.error)}` }
  const { token, server, answer } = got
  if (answer.status !== 'Poll Not Found' || token === null) return { problem: `answered ${answer.status}` }
  return { timeline: timelineOf(token), servedBy: server ?? '' }
}
