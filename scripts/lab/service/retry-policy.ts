import { type ServiceError, status } from '@grpc/grpc-js'

/** Seconds that a call may take, its repetitions among them, before `patience` multiplies it. */
export const CALL_SECONDS = 10

/** How our clients repeat a call that was answered UNAVAILABLE, in gRPC's own terms; seconds. */
export const RETRY_POLICY = {
  maxAttempts: 5,
  // Together 2.4 s at least: more than it takes to find that a server is dead, or is back.
  initialBackoff: 0.2,
  maxBackoff: 2,
  backoffMultiplier: 2,
} as const

// The policy above does not repeat a call whose answer has begun. A server that dies between the beginning of an answer
// and its end leaves the balancer no way but to reset the stream.
export const diedWhileAnswering = ({ code, details }: ServiceError): boolean =>
  code === status.INTERNAL && details.includes('RST_STREAM')
