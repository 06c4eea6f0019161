import { type ServiceError, status } from '@grpc/grpc-js'

/** Seconds that a call may take with all its repetitions, before `patience`. */
export const CALL_SECONDS = 10

/** How our clients repeat a call that was answered UNAVAILABLE, in gRPC's terms; times in seconds. */
export const RETRY_POLICY = {
  maxAttempts: 5,
  // Together at least 2.4 s: longer than it takes to notice that a server is dead, or back.
  initialBackoff: 0.2,
  maxBackoff: 2,
  backoffMultiplier: 2,
} as const

// The policy above does not repeat a call whose answer has begun. If a server dies in the middle of an answer, the
// balancer can only reset the stream.
export const diedWhileAnswering = ({ code, details }: ServiceError): boolean =>
  code === status.INTERNAL && details.includes('RST_STREAM')
