import { Server, setLogger } from '@grpc/grpc-js'
import { PollServiceService, ResultServiceService, VoteServiceService } from '../proto/gen/polling.ts'
import type { BallotBox } from './ballot-box.ts'
import type { ClusterView } from './cluster/view.ts'
import type { LiveResults } from './live/live-results.ts'
import type { Log } from './log.ts'
import type { Reader } from './reader.ts'
import { bulkVotes } from './rpc/bulk-votes.ts'
import { withExactText } from './rpc/exact-text.ts'
import { putGateBefore } from './rpc/front.ts'
import { addHealth } from './rpc/health.ts'
import { pollService } from './rpc/poll-service.ts'
import { addReflection } from './rpc/reflection.ts'
import { resultService } from './rpc/result-service.ts'
import type { RpcContext } from './rpc/unary.ts'
import { LIMITS } from './rpc/validation.ts'
import { voteService } from './rpc/vote-service.ts'

const optionsFor = (patience: number) => ({
  'grpc.max_receive_message_length': LIMITS.requestBytes,
  // Pings find peers that vanished silently. They are frequent enough to keep idle streams open through a balancer that gives
  // up a silent upstream after 60 s.
  'grpc.keepalive_time_ms': 20_000 * patience,
  'grpc.keepalive_timeout_ms': 10_000 * patience,
  // Statistics for a debugging service that is not offered here.
  'grpc.enable_channelz': 0,
})

/** Messages of gRPC's library go to our log as JSON lines, since they may have a client's text in them. */
function asJson(log: Log): Partial<Console> {
  const at = (level: 'error' | 'info' | 'debug') => (text: unknown) => log[level]({ library: 'grpc-js' }, String(text))
  return { error: at('error'), info: at('info'), debug: at('debug') }
}

export type GrpcServer = {
  server: Server
  /** Says that the server is stopping, and ends endless streams cleanly. */
  endStreams(): void
}

/** Makes the gRPC server with all its services; it does not listen yet. */
export function makeGrpcServer(
  context: RpcContext,
  view: ClusterView,
  ballotBox: BallotBox,
  reader: Reader,
  live: LiveResults,
): GrpcServer {
  const server = new Server(optionsFor(context.patience))
  putGateBefore(server, context)
  setLogger(asJson(context.log))
  server.addService(withExactText(PollServiceService), pollService(context, ballotBox, reader))
  const bulk = bulkVotes(context, ballotBox)
  server.addService(withExactText(VoteServiceService), voteService(context, ballotBox, bulk))
  server.addService(withExactText(ResultServiceService), resultService(context, reader, live))
  const health = addHealth(server, view)
  addReflection(server)
  return {
    server,
    endStreams() {
      health.stop()
      bulk.stop()
      live.stop()
    },
  }
}
