import { type handleBidiStreamingCall, type ServerDuplexStream, status } from '@grpc/grpc-js'
import type { BulkVote, BulkVoteResult, CastVotesRequest, CastVotesResponse } from '../../proto/gen/polling.ts'
import { type BallotBox, GROUP_SIZE } from '../ballot-box.ts'
import { type Call, endAtDeadline, endCall, makeCall } from '../call.ts'
import { CATALOGUE, clientMessage, type Failure, fail, invalidField, isFailure } from '../errors.ts'
import type { Ballot } from '../store/votes.ts'
import { partDeadlineOf } from './deadlines.ts'
import { checkKey } from './metadata.ts'
import { trailersOf } from './trailers.ts'
import { headersOf, type RpcContext } from './unary.ts'
import { checkCastVote } from './validation.ts'
import { VOTE_STATUS } from './vote-status.ts'

// While a stream, or all streams together, have this many votes in progress, the client is not read. The rest of the ballot
// box's queue is for single votes.
const VOTES_OF_A_STREAM = 2 * GROUP_SIZE
const VOTES_OF_ALL_STREAMS = 8 * GROUP_SIZE

/** polling.VoteService.CastVotes, and how to end it when the server stops. */
export type BulkVotes = {
  castVotes: handleBidiStreamingCall<CastVotesRequest, CastVotesResponse>
  /** Stops reading all streams, answers what was read, then ends the streams. */
  stop(): void
}

const STOPPING = fail('SERVER_STOPPING', 'the server is stopping: batches without an answer were not cast')

type Stream = ServerDuplexStream<CastVotesRequest, CastVotesResponse>

/** What the streams of one server share. */
type Open = { flow(): void; endIfDone(): void }

/** Bulk votes into the ballot box. */
export function bulkVotes(context: RpcContext, ballotBox: BallotBox): BulkVotes {
  const { metrics } = context
  const streams = new Set<Open>()
  let votesOfAll = 0
  let stopping = false

  function count(votes: number): void {
    votesOfAll += votes
    for (const { flow } of streams) flow()
  }

  function castVotes(stream: Stream): void {
    const underWay = new Set<Call>()
    let votesOfThis = 0
    let readToEnd = false
    let tooLarge: Failure | undefined
    let over = false
    stream.sendMetadata(headersOf(context.node, undefined))

    // Reads only while there is room for votes and for answers to the client.
    function flow(): void {
      const room = votesOfThis < VOTES_OF_A_STREAM && votesOfAll < VOTES_OF_ALL_STREAMS
      if (room && !stream.writableNeedDrain && !whyNoMore()) stream.resume()
      else stream.pause()
    }

    function whyNoMore(): Failure | undefined {
      return tooLarge ?? (stopping && !readToEnd ? STOPPING : undefined)
    }

    function endIfDone(): void {
      if (over || underWay.size > 0 || stream.cancelled) return
      const failure = whyNoMore()
      if (!failure && !readToEnd) return
      over = true
      if (!failure) stream.end()
      else {
        const { code } = CATALOGUE[failure.failure]
        metrics.failures.labels('CastVotes', failure.failure).inc()
        stream.emit('error', { code, details: clientMessage(failure), metadata: trailersOf(failure) })
      }
    }

    async function take(request: CastVotesRequest): Promise<void> {
      if (whyNoMore()) return
      if (request.votes.length > GROUP_SIZE) {
        // Not answered for each vote: that answer could be a hundred times as large.
        tooLarge = invalidField('votes', `must be at most ${GROUP_SIZE} in batch ${request.batch}, which was not cast`)
        flow()
        return endIfDone()
      }
      const call = makeCall(partDeadlineOf(stream, context.patience))
      const timer = endAtDeadline(call)
      underWay.add(call)
      votesOfThis += request.votes.length
      count(request.votes.length)
      const answer = await castBatch(context, ballotBox, request, call)
      clearTimeout(timer)
      underWay.delete(call)
      votesOfThis -= request.votes.length
      if (!stream.cancelled) stream.write(answer)
      count(-request.votes.length)
      endIfDone()
    }

    const open = { flow, endIfDone }
    streams.add(open)
    stream.on('data', (request: CastVotesRequest) => void take(request))
    stream.on('drain', flow)
    stream.on('end', () => {
      readToEnd = true
      endIfDone()
    })
    // Also emitted after a normal end.
    stream.on('cancelled', () => {
      streams.delete(open)
      for (const call of underWay) endCall(call, 'cancelled')
    })
    if (stopping) endIfDone()
  }

  return {
    castVotes,
    stop() {
      stopping = true
      for (const { flow, endIfDone } of streams) {
        flow()
        endIfDone()
      }
    },
  }
}

/** Casts the votes of one batch. If one vote fails, the others are still cast, unless the database fails for all. */
async function castBatch(
  { metrics, log }: RpcContext,
  ballotBox: BallotBox,
  { batch, votes }: CastVotesRequest,
  call: Call,
): Promise<CastVotesResponse> {
  const started = performance.now()
  const problems = votes.map(checkBulkVote)
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

function checkBulkVote(vote: BulkVote): Failure | undefined {
  const { idempotency_key: key } = vote
  return checkCastVote(vote) ?? (key === '' ? undefined : checkKey('idempotency_key', key))
}

function ballotOf({ uuid, userID, select_options, idempotency_key }: BulkVote): Ballot {
  const key = idempotency_key === '' ? undefined : idempotency_key
  return { pollId: uuid, userId: userID, option: select_options, key }
}

function failureMessage(failure: Failure): NonNullable<BulkVoteResult['failure']> {
  const { code, certainty } = CATALOGUE[failure.failure]
  return { code, failure: failure.failure, message: clientMessage(failure), definite: certainty === 'definite' }
}
