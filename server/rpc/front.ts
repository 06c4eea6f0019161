import { constants, type IncomingHttpHeaders, type ServerHttp2Stream, type ServerOptions } from 'node:http2'
import type { Server } from '@grpc/grpc-js'
import { CATALOGUE, clientMessage, type Failure } from '../errors.ts'
import { countable, isGrpc, refusalOf } from './gate.ts'
import { trailersOf } from './trailers.ts'
import { headersOf, logFailure, type RpcContext } from './unary.ts'

/**
 * Limits of HTTP/2, larger than what a balancer lets through. If HTTP/2 itself refuses a call, it resets the stream without
 * an answer, and a balancer takes the server for dead. Our gate refuses with an answer, far below these limits.
 */
const LET_IN: ServerOptions = {
  maxHeaderListPairs: 100_000,
  settings: { maxHeaderListSize: 4 * 1024 * 1024 },
  // Otherwise a key that begins or ends with a space would be dropped silently.
  strictFieldWhitespaceValidation: false,
}

/** The method's name in the statistics for refused calls: clients could invent any number of names. */
const METHOD = 'refused'

type StreamHandler = (
  interceptors: unknown,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  raw: string[],
) => void

/** Internal parts of grpc-js for which it has no option. */
type Inside = { commonServerOptions: ServerOptions; _streamHandler: StreamHandler }

/** Puts the gate before all calls of a server that has no port yet. */
export function putGateBefore(server: Server, context: RpcContext): void {
  const inside = server as unknown as Partial<Inside>
  const { commonServerOptions, _streamHandler: handle } = inside
  if (!commonServerOptions || !handle) throw new Error('this version of grpc-js is different inside: see rpc/front.ts')
  Object.assign(commonServerOptions, LET_IN)
  inside._streamHandler = (interceptors, stream, headers, flags, raw) => {
    const refusal = refusalOf(headers, raw)
    if (refusal) return refuse(context, stream, headers, refusal)
    const timeout = headers['grpc-timeout']
    if (timeout !== undefined) headers['grpc-timeout'] = countable(String(timeout))
    handle.call(server, interceptors, stream, headers, flags, raw)
  }
}

function refuse(
  { node, log, metrics }: RpcContext,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  failure: Failure,
): void {
  const { code } = CATALOGUE[failure.failure]
  const requestId = headers['x-request-id']?.toString().slice(0, 100)
  // The client may be gone.
  stream.once('error', () => {})
  stream.respond(
    {
      [constants.HTTP2_HEADER_STATUS]: isGrpc(headers) ? 200 : 415,
      'content-type': 'application/grpc+proto',
      'grpc-status': code,
      'grpc-message': encodeURI(clientMessage(failure)),
      ...headersOf(node, undefined).toHttp2Headers(),
      ...trailersOf(failure, requestId).toHttp2Headers(),
    },
    { endStream: true },
  )
  // What it still sends is of no use, but must not block it.
  stream.resume()
  metrics.failures.labels(METHOD, failure.failure).inc()
  logFailure(log, METHOD, 0, requestId, failure)
}
