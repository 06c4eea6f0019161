import { type handleBidiStreamingCall, type ServerDuplexStream, status } from '@grpc/grpc-js'
import type { BulkVote, BulkVoteResult, CastVotesRequest, CastVotesResponse } from '../../proto/gen/polling.ts'
import { type BallotBox, GROUP_SIZE } from '../ballot-box.ts'
import { type Call, endCall, makeCall } from '../call.ts'
import { CATALOGUE, clientMessage, type Failure, fail, isFailure } from '../errors.ts'
import type { Ballot } from '../store/votes.ts'
import { checkKey } from './metadata.ts'
import { DEFAULT_DEADLINE_MS, headersOf, type RpcContext, trailersOf } from './unary.ts'
import { checkCastVote } from './validation.ts'
import { VOTE_STATUS } from './vote-status.ts'

/** The most votes of one stream that are under way; the client is not read from meanwhile. */
const VOTES_UNDER_WAY = 4 * GROUP_SIZE

/** polling.VoteService.CastVotes, and how to end it when the server stops. */
export type BulkVotes = {
  castVotes: handleBidiStreamingCall<CastVotesRequest, CastVotesResponse>
  /** Reads no more from any stream, answers what was read, then ends the streams. */
  stop(): void
}

type Stream = ServerDuplexStream<CastVotesRequest, CastVotesResponse>

/** Bulk votes into the ballot box. */
export function bulkVotes(context: RpcContext, ballotBox: BallotBox): BulkVotes {
  const streams = new Set<() => void>()
  let stopping = false

  function castVotes(stream: Stream): void {
    const underWay = new Set<Call>()
    let votesUnderWay = 0
    let readToEnd = false
    stream.sendMetadata(headersOf(context.node, undefined))

    // Reads on only while there is room for votes, and for answers on their way to the client.
    function flow(): void {
      if (votesUnderWay < VOTES_UNDER_WAY && !stream.writableNeedDrain && !stopping) stream.resume()
      else stream.pause()
    }

    function endIfDone(): void {
      if (underWay.size > 0) return
      if (stopping && !readToEnd) {
        const failure = fail('SERVER_STOPPING', 'the server is stopping: batches without an answer were not cast')
        stream.emit('error', {
          code: CATALOGUE[failure.failure].code,
          details: clientMessage(failure),
          metadata: trailersOf(failure),
        })
      } else if (readToEnd) stream.end()
    }

    async function take(request: CastVotesRequest): Promise<void> {
      const call = makeCall(Math.min(Number(stream.getDeadline()), Date.now() + DEFAULT_DEADLINE_MS))
      const timer = setTimeout(() => endCall(call, 'deadline'), call.deadline - Date.now())
      underWay.add(call)
      votesUnderWay += request.votes.length
      flow()
      const answer = await castBatch(context, ballotBox, request, call)
      clearTimeout(timer)
      underWay.delete(call)
      votesUnderWay -= request.votes.length
      if (stream.cancelled) return
      stream.write(answer)
      flow()
      endIfDone()
    }

    function stop(): void {
      flow()
      endIfDone()
    }

    streams.add(stop)
    stream.on('data', (request: CastVotesRequest) => void take(request))
    stream.on('drain', flow)
    stream.on('end', () => {
      readToEnd = true
      endIfDone()
    })
    // Also emitted after an orderly end.
    stream.on('cancelled', () => {
      streams.delete(stop)
      for (const call of underWay) endCall(call, 'cancelled')
    })
    if (stopping) stop()
  }

  return {
    castVotes,
    stop() {
      stopping = true
      for (const stop of streams) stop()
    },
  }
}

/** Casts the votes of one batch. One that fails takes no other with it, except where all share the database's fate. */
async function castBatch(
  { metrics, log }: RpcContext,
  ballotBox: BallotBox,
  { batch, votes }: CastVotesRequest,
  call: Call,
): Promise<CastVotesResponse> {
  const started = performance.now()
  const problems = votes.map((vote) => checkBulkVote(vote, votes.length))
  const ballots = votes.filter((_, nth) => !problems[nth]).map(ballotOf)
  const receipt =
    ballots.length === 0
      ? { value: { outcomes: [], token: undefined } }
      : await ballotBox.castVotes(ballots, call).catch((error: unknown) => fail('INTERNAL', 'internal error', error))
  const outcomes = isFailure(receipt) ? ballots.map(() => receipt) : receipt.value.outcomes
  let next = 0
  const results = problems.map((problem): BulkVoteResult => {
    const outcome = problem ?? outcomes[next++] ?? fail('INTERNAL', 'internal error')
    if (typeof outcome === 'string') return { status: VOTE_STATUS[outcome] }
    metrics.failures.labels('CastVotes', outcome.failure).inc()
    return { failure: failureMessage(outcome) }
  })
  if (isFailure(receipt))
    log.warn({ method: 'CastVotes', failure: receipt.failure, votes: votes.length }, receipt.message)
  const code = isFailure(receipt) ? CATALOGUE[receipt.failure].code : status.OK
  metrics.calls.labels('CastVotes', status[code]).observe((performance.now() - started) / 1000)
  return { batch, results, consistency_token: isFailure(receipt) ? '' : (receipt.value.token ?? '') }
}

function checkBulkVote(vote: BulkVote, votesInBatch: number): Failure | undefined {
  if (votesInBatch > GROUP_SIZE)
    return fail('INVALID_FIELD', `votes: must be at most ${GROUP_SIZE}, not ${votesInBatch}`)
  return (
    checkCastVote(vote) ?? (vote.idempotency_key === '' ? undefined : checkKey('idempotency_key', vote.idempotency_key))
  )
}

function ballotOf({ uuid, userID, select_options, idempotency_key }: BulkVote): Ballot {
  const key = idempotency_key === '' ? undefined : idempotency_key
  return { pollId: uuid, userId: userID, option: select_options, key }
}

function failureMessage(failure: Failure): NonNullable<BulkVoteResult['failure']> {
  const { code, certainty } = CATALOGUE[failure.failure]
  return { code, failure: failure.failure, message: clientMessage(failure), definite: certainty === 'definite' }
}
