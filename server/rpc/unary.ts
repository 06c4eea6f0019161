import { type handleUnaryCall, Metadata, status } from '@grpc/grpc-js'
import { type Call, endAtDeadline, endCall, makeCall } from '../call.ts'
import { CATALOGUE, causeText, clientMessage, type Failure, fail, isFailure } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { deadlineOf } from './deadlines.ts'
import { CONSISTENCY_TOKEN } from './metadata.ts'
import { trailersOf } from './trailers.ts'

/** What the adapter needs: the server's name, the log, the metrics, and the factor for deadlines. */
export type RpcContext = { node: string; log: Log; metrics: Metrics; patience: number }

/** The answer of a handler; for a write also its consistency token. */
export type Reply<Response> = { value: Response; token?: string | undefined } | Failure

/**
 * Turns a handler of ours into a gRPC handler: the only place that measures, logs, ends calls at their deadline and maps
 * failures to statuses. Every answer has `x-served-by`, the answer of a write also `consistency-token`. Failures have the
 * trailers of trailers.ts.
 */
export function unary<Request, Response>(
  context: RpcContext,
  method: string,
  handler: (request: Request, call: Call, metadata: Metadata) => Promise<Reply<Response>>,
): handleUnaryCall<Request, Response> {
  const { log, metrics } = context
  // The calls of one group of votes have the same token, one after another.
  let headers = headersOf(context.node, undefined)
  let headersToken: string | undefined
  const succeeded = metrics.calls.labels(method, status[status.OK])
  const debug = log.isLevelEnabled('debug')

  return (grpcCall, callback) => {
    const started = performance.now()
    const call = makeCall(deadlineOf(grpcCall, context.patience))
    const timer = endAtDeadline(call)
    // Also emitted after every answer; then there is nothing left to end.
    grpcCall.on('cancelled', () => endCall(call, Date.now() >= call.deadline - 1 ? 'deadline' : 'cancelled'))

    const answer = (result: Reply<Response>) => {
      clearTimeout(timer)
      const seconds = (performance.now() - started) / 1000
      const token = isFailure(result) ? undefined : result.token
      if (token !== headersToken) {
        headers = headersOf(context.node, token)
        headersToken = token
      }
      grpcCall.sendMetadata(headers)
      if (!isFailure(result)) {
        succeeded.observe(seconds)
        callback(null, result.value)
        if (debug) log.debug({ method, ms: milliseconds(seconds), requestId: requestIdOf(grpcCall) }, 'call')
        return
      }
      const entry = CATALOGUE[result.failure]
      metrics.calls.labels(method, status[entry.code]).observe(seconds)
      metrics.failures.labels(method, result.failure).inc()
      const requestId = requestIdOf(grpcCall)
      callback({ code: entry.code, details: clientMessage(result), metadata: trailersOf(result, requestId) })
      logFailure(log, method, seconds, requestId, result)
    }

    handler(grpcCall.request, call, grpcCall.metadata).then(answer, (error: unknown) =>
      answer(fail('INTERNAL', 'internal error', error)),
    )
  }
}

/** The headers of every answer. */
export function headersOf(node: string, token: string | undefined): Metadata {
  const headers = new Metadata()
  headers.set('x-served-by', node)
  if (token !== undefined) headers.set(CONSISTENCY_TOKEN, token)
  return headers
}

/** The id that the balancer gave the call, to find it in the logs. */
export function requestIdOf(call: { metadata: Metadata }): string | undefined {
  return call.metadata.get('x-request-id')[0]?.toString()
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e3
}

/** Logs a failed call; `seconds` is how long it took. */
export function logFailure(
  log: Log,
  method: string,
  seconds: number,
  requestId: string | undefined,
  failure: Failure,
): void {
  const { code, certainty } = CATALOGUE[failure.failure]
  const what = { method, code: status[code], failure: failure.failure, certainty, ms: milliseconds(seconds), requestId }
  const cause = failure.cause === undefined ? undefined : causeText(failure.cause)
  if (failure.failure === 'INTERNAL') log.error({ ...what, err: failure.cause }, failure.message)
  else log.warn({ ...what, cause }, failure.message)
}
