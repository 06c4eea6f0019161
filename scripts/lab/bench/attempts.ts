import {
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import {
  type CastVotesRequest,
  type CastVotesResponse,
  PollRequest,
  ResultServiceService,
  VoteResponse,
  VoteServiceService,
} from '../../../proto/gen/polling.ts'
import { STORED } from '../service/call.ts'
import { OPTION, type Order, type Work } from './work.ts'

/** Makes one call and gives how it ended: `ok`, or the error. */
export type Attempt = (done: (outcome: string) => void) => void

/** The calls of one kind of work. */
export type Attempts = {
  readonly attempt: Attempt
  /** The number of answers in one `ok`. */
  readonly size: number
  /** Votes that were answered as stored until now. */
  readonly votes: () => number
  /** Ends streams and connections; resolves when streams have ended. */
  readonly close: () => Promise<void>
}

const OPTIONS: ClientOptions = {
  // No retries: the result of every call has to be seen.
  'grpc.enable_retries': 0,
  // Otherwise all clients of this process would share one connection.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
}
const EMPTY = Buffer.alloc(0)
const identity = (bytes: Buffer): Buffer => bytes

/** Calls for the work of an order. They are raw, since their own cost is part of the measurement. */
export function makeAttempts({ address, work, connections }: Order, deadline: Date): Attempts {
  const clients = Array.from({ length: connections }, () => new Client(address, credentials.createInsecure(), OPTIONS))
  let turn = 0
  const next = (): Client => {
    turn = (turn + 1) % clients.length
    return clients[turn] as Client
  }
  const closeClients = async () => {
    for (const client of clients) client.close()
  }
  if (work.kind === 'bulk') return bulk(clients, work, deadline, closeClients)
  let votes = 0
  const stored = () => {
    votes += 1
  }
  return { attempt: unary(work, next, deadline, stored), size: 1, votes: () => votes, close: closeClients }
}

type UnaryWork = Exclude<Work, { kind: 'bulk' }>

function unary(work: UnaryWork, next: () => Client, deadline: Date, stored: () => void): Attempt {
  const plain = new Metadata()
  const options = { deadline }
  if (work.kind === 'health')
    return (done) =>
      next().makeUnaryRequest('/grpc.health.v1.Health/Check', identity, identity, EMPTY, plain, options, (error) =>
        done(error ? nameOf(error) : 'ok'),
      )
  if (work.kind === 'results') {
    const { path, responseDeserialize } = ResultServiceService.getPollResults
    const request = Buffer.from(PollRequest.encode({ uuid: work.poll }).finish())
    return (done) =>
      next().makeUnaryRequest(path, identity, responseDeserialize, request, plain, options, (error) =>
        done(error ? nameOf(error) : 'ok'),
      )
  }
  if (work.kind === 'mixed') {
    const read = unary({ ...work, kind: 'results' }, next, deadline, stored)
    const vote = unary({ ...work, kind: 'vote' }, next, deadline, stored)
    let turn = 0
    return (done) => {
      turn = (turn + 1) % work.of
      if (turn < work.reads) read(done)
      else vote(done)
    }
  }
  const { path, requestSerialize } = VoteServiceService.castVote
  let voter = 0
  return (done) => {
    voter += 1
    const userID = `${work.voters}${voter}`
    let metadata = plain
    if (work.keys) {
      metadata = new Metadata()
      metadata.set('idempotency-key', userID)
    }
    const request = { uuid: work.poll, userID, select_options: OPTION }
    next().makeUnaryRequest(
      path,
      requestSerialize,
      VoteResponse.decode,
      request,
      metadata,
      options,
      (error, answer) => {
        if (answer?.status === STORED) stored()
        done(error ? nameOf(error) : answer?.status === STORED ? 'ok' : (answer?.status ?? 'no answer'))
      },
    )
  }
}

type BulkWork = Extract<Work, { kind: 'bulk' }>
type Stream = ClientDuplexStream<CastVotesRequest, CastVotesResponse>

function bulk(clients: Client[], work: BulkWork, deadline: Date, closeClients: () => Promise<void>): Attempts {
  const { path, requestSerialize, responseDeserialize } = VoteServiceService.castVotes
  const waiting = new Map<number, (outcome: string) => void>()
  let batch = 0
  let voter = 0
  let stored = 0

  const open = (client: Client): { stream: Stream; ended: Promise<void> } => {
    const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata(), {
      deadline,
    })
    stream.on('data', (answer: CastVotesResponse) => {
      const done = waiting.get(answer.batch)
      waiting.delete(answer.batch)
      stored += answer.results.filter(({ status }) => status === STORED).length
      const odd = answer.results.find(({ status }) => status !== STORED)
      done?.(odd ? (odd.status ?? odd.failure?.failure ?? 'no answer') : 'ok')
    })
    const ended = new Promise<void>((resolve) => {
      // If a stream ends with unanswered batches, all of them count as answered: it does not matter which were its own,
      // because the run has failed.
      stream.on('error', (error: ServiceError) => {
        for (const done of waiting.values()) done(nameOf(error))
        waiting.clear()
        resolve()
      })
      stream.on('end', resolve)
    })
    return { stream, ended }
  }
  const streams = clients.map(open)

  const attempt: Attempt = (done) => {
    batch += 1
    const votes = Array.from({ length: work.batch }, () => {
      voter += 1
      const userID = `${work.voters}${voter}`
      return { uuid: work.poll, userID, select_options: OPTION, idempotency_key: work.keys ? userID : '' }
    })
    waiting.set(batch, done)
    streams[batch % streams.length]?.stream.write({ batch, votes })
  }
  return {
    attempt,
    size: work.batch,
    votes: () => stored,
    async close() {
      for (const { stream } of streams) stream.end()
      await Promise.all(streams.map(({ ended }) => ended))
      await closeClients()
    },
  }
}

const nameOf = (error: ServiceError): string => `${status[error.code] ?? error.code}: ${error.details}`
