import { type handleServerStreamingCall, status } from '@grpc/grpc-js'
import type { PollRequest, PollResultResponse } from '../../proto/gen/polling.ts'
import { endAtDeadline, endCall, makeCall } from '../call.ts'
import { CATALOGUE, clientMessage, type Failure, fail, isFailure } from '../errors.ts'
import type { LiveResults } from '../live/live-results.ts'
import type { LiveTally } from '../store/live-tallies.ts'
import { tokenText } from '../token.ts'
import { partDeadlineOf } from './deadlines.ts'
import { latestOnly } from './latest-only.ts'
import { consistencyTokenOf } from './metadata.ts'
import { resultMessage } from './result-message.ts'
import { trailersOf } from './trailers.ts'
import { headersOf, logFailure, type RpcContext, requestIdOf } from './unary.ts'
import { checkUuid } from './validation.ts'

/** Milliseconds after which a silent stream repeats its results: well below the 15 s after which the balancer gives it up. */
const REPEAT_MS = 5000

/** ResultService.FollowResults. */
export function followResults(
  { node, log, metrics, patience }: RpcContext,
  live: LiveResults,
): handleServerStreamingCall<PollRequest, PollResultResponse> {
  const method = 'FollowResults'

  return (stream) => {
    const started = performance.now()
    // The deadline is for the first results only: a stream lasts as long as its client wants.
    const call = makeCall(partDeadlineOf(stream, patience))
    const timer = endAtDeadline(call)
    const results = latestOnly<PollResultResponse>(stream)
    const repetition = setInterval(() => results.repeat(), REPEAT_MS)
    let leave = () => {}
    // Also emitted after a normal end.
    stream.on('cancelled', () => {
      clearInterval(repetition)
      endCall(call, 'cancelled')
      leave()
    })

    function end(failure?: Failure): void {
      clearInterval(repetition)
      if (!failure) {
        results.flush()
        stream.end()
        return
      }
      const { code } = CATALOGUE[failure.failure]
      const requestId = requestIdOf(stream)
      metrics.failures.labels(method, failure.failure).inc()
      stream.emit('error', { code, details: clientMessage(failure), metadata: trailersOf(failure, requestId) })
      logFailure(log, method, (performance.now() - started) / 1000, requestId, failure)
    }

    async function begin(): Promise<void> {
      const invalid = checkUuid(stream.request.uuid)
      const token = invalid ?? consistencyTokenOf(stream.metadata)
      stream.sendMetadata(headersOf(node, undefined))
      const show = (tally: LiveTally) => results.send(liveMessage(tally))
      const following = isFailure(token)
        ? token
        : await live.follow(stream.request.uuid, token.value, call, { show, end })
      clearTimeout(timer)
      // The time to the first results.
      const code = isFailure(following) ? CATALOGUE[following.failure].code : status.OK
      metrics.calls.labels(method, status[code]).observe((performance.now() - started) / 1000)
      if (isFailure(following)) return end(following)
      leave = following.value
      if (stream.cancelled) leave()
    }

    begin().catch((error: unknown) => end(fail('INTERNAL', 'internal error', error)))
  }
}

function liveMessage({ counts, ...poll }: LiveTally): PollResultResponse {
  const message = resultMessage({ ...poll, votes: counts.votes })
  return counts.seenUpTo ? { ...message, consistency_token: tokenText(counts.seenUpTo) } : message
}
