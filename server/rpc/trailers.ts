import { Metadata, status } from '@grpc/grpc-js'
import { BadRequest, ErrorInfo, RequestInfo, RetryInfo } from '../../proto/gen/google/rpc/error_details.ts'
import { Status } from '../../proto/gen/google/rpc/status.ts'
import { CATALOGUE, clientMessage, type Failure } from '../errors.ts'

/** The domain of the reasons in ErrorInfo. */
const DOMAIN = 'polling'

// How long to wait before a retry can succeed: until there is another server or a new primary, or the queue is shorter. A
// call that was rolled back, or whose deadline was too short, may be repeated at once.
const RETRY_AFTER_MS: Partial<Record<status, number>> = {
  [status.UNAVAILABLE]: 200,
  [status.RESOURCE_EXHAUSTED]: 1000,
}

/**
 * The trailers of every failure: its name in the catalogue and its certainty as text, and google.rpc.Status with the same
 * and more. `requestId` comes from the balancer.
 */
export function trailersOf(failure: Failure, requestId?: string): Metadata {
  const { code, certainty, retry } = CATALOGUE[failure.failure]
  const trailers = new Metadata()
  trailers.set('x-failure', failure.failure)
  trailers.set('x-certainty', certainty)
  const metadata = new Map(Object.entries({ certainty, retry }))
  const info = ErrorInfo.fromPartial({ reason: failure.failure, domain: DOMAIN, metadata })
  const details = [any('ErrorInfo', ErrorInfo.encode(info))]
  if (failure.violation) {
    details.push(any('BadRequest', BadRequest.encode({ field_violations: [failure.violation] })))
  }
  // Not if a repeated call needs a key: libraries that retry because of this message do not add one.
  if (retry === 'yes') {
    const ms = RETRY_AFTER_MS[code] ?? 0
    const retry_delay = { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 }
    details.push(any('RetryInfo', RetryInfo.encode({ retry_delay })))
  }
  if (requestId !== undefined) details.push(any('RequestInfo', RequestInfo.encode({ request_id: requestId })))
  const detailed = Status.encode({ code, message: clientMessage(failure), details }).finish()
  trailers.set('grpc-status-details-bin', Buffer.from(detailed))
  return trailers
}

function any(message: string, encoded: { finish(): Uint8Array }): { type_url: string; value: Buffer } {
  return { type_url: `type.googleapis.com/google.rpc.${message}`, value: Buffer.from(encoded.finish()) }
}
