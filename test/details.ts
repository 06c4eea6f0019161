// Decodes what the trailer grpc-status-details-bin says, as a client's gRPC library would.
import type { Metadata } from '@grpc/grpc-js'
import { BadRequest, ErrorInfo, RequestInfo, RetryInfo } from '../proto/gen/google/rpc/error_details.ts'
import { Status } from '../proto/gen/google/rpc/status.ts'

const DECODERS = { BadRequest, ErrorInfo, RequestInfo, RetryInfo }

export type Details = {
  readonly code: number
  readonly message: string
  readonly BadRequest?: BadRequest
  readonly ErrorInfo?: ErrorInfo
  readonly RequestInfo?: RequestInfo
  readonly RetryInfo?: RetryInfo
}

/** Status and details, each under the name of its message. */
export function decodeDetails(encoded: Uint8Array): Details {
  const { code, message, details } = Status.decode(encoded)
  const decoded = details.map(({ type_url, value }) => {
    const name = type_url.replace('type.googleapis.com/google.rpc.', '')
    const decoder = DECODERS[name as keyof typeof DECODERS]
    if (decoder === undefined) throw new Error(`a detail of another kind: ${type_url}`)
    return [name, decoder.decode(value)]
  })
  return { code, message, ...Object.fromEntries(decoded) }
}

/** The details among trailers; they must be there. */
export function detailsOf(trailers: Metadata): Details {
  const [encoded] = trailers.get('grpc-status-details-bin')
  if (!(encoded instanceof Uint8Array)) throw new Error('no grpc-status-details-bin')
  return decodeDetails(encoded)
}
