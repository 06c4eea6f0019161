import { setTimeout as pause } from 'node:timers/promises'
import { type Client, type ClientUnaryCall, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { PollServiceClient, ResultServiceClient, VoteServiceClient } from '../../../../proto/gen/polling.ts'
import type { Method } from '../../service/client.ts'
import { CALL_SECONDS, diedWhileAnswering, RETRY_POLICY } from '../../service/retry-policy.ts'
import type { Call } from '../record.ts'
import { Call as CallSchema } from '../record.ts'

/** What a caller knows after a call. */
export type Told = Pick<Call, 'outcome' | 'answer' | 'server' | 'token'>

/** A client for one caller. Calls end early when its signal is aborted. */
export type LoadClient = {
  /** The uuid of the new poll, or undefined if the call failed. */
  readonly createPoll: (question: string, options: readonly string[]) => Promise<string | undefined>
  readonly vote: (poll: string, user: string, option: string, key: string) => Promise<Told>
  /** `seen`: the number of votes in the results, if there was an answer. */
  readonly read: (poll: string, token: string) => Promise<Told & { readonly seen: number | null }>
  readonly close: () => void
}

/** Answers to a vote that are neither `Vote Successfully!` nor a gRPC error. */
const CERTAIN_REFUSALS: readonly string[] = ['Poll Not Found', 'Poll Closed', 'Invalid Option']

/** A client that retries like ours, and keeps the answer of each attempt. */
export function loadClient(address: string, patience: number, signal: AbortSignal): LoadClient {
  // The retries are made here and not by the library, which shows only the last attempt: this may have a definite error while
  // the vote of an earlier attempt is stored.
  const options = { 'grpc.enable_retries': 0, 'grpc.use_local_subchannel_pool': 1 }
  const insecure = credentials.createInsecure()
  const polls = new PollServiceClient(address, insecure, options)
  const votes = new VoteServiceClient(address, insecure, options)
  const results = new ResultServiceClient(address, insecure, options)

  async function call<Q, A>(
    client: Client,
    method: Method<Q, A>,
    request: Q,
    metadata: Metadata,
  ): Promise<Answered<A>> {
    const deadline = new Date(Date.now() + CALL_SECONDS * patience * 1000)
    let certain = true
    for (let attempts = 1; ; attempts++) {
      const got = await once(client, method, request, metadata, deadline, signal)
      if (got.error === null) return { ...got, certain }
      certain &&= certaintyOf(got.error) === 'definite'
      const again = got.error.code === status.UNAVAILABLE || diedWhileAnswering(got.error)
      if (!again || attempts === RETRY_POLICY.maxAttempts || !(await backOff(attempts, deadline, signal)))
        return { ...got, certain }
    }
  }

  return {
    async createPoll(question, options) {
      const request = { poll_questions: question, options: [...options] }
      const got = await call(polls, polls.createPoll, request, withHeader('idempotency-key', crypto.randomUUID()))
      return got.error === null ? got.answer.uuid : undefined
    },
    async vote(uuid, userID, select_options, key) {
      const metadata = withHeader('idempotency-key', key)
      const got = await call(votes, votes.castVote, { uuid, userID, select_options }, metadata)
      if (got.error !== null) return failed(got, got.error)
      const { status: answer } = got.answer
      const { server, token, certain } = got
      if (answer === 'Vote Successfully!') return { outcome: 'ok', answer, server, token }
      const refused = certain && CERTAIN_REFUSALS.includes(answer)
      return { outcome: refused ? 'definite' : 'indefinite', answer, server, token: null }
    },
    async read(uuid, token) {
      const got = await call(results, results.getPollResults, { uuid }, withHeader('consistency-token', token))
      if (got.error !== null) return { ...failed(got, got.error), token, seen: null }
      const seen = [...got.answer.results.values()].reduce((sum, votes) => sum + votes, 0)
      return { outcome: 'ok', answer: 'results', server: got.server, token, seen }
    },
    close() {
      for (const client of [polls, votes, results]) client.close()
    },
  }
}

type Headers = Pick<Told, 'server' | 'token'>
type Attempt<A> = Headers & ({ readonly error: null; readonly answer: A } | { readonly error: ServiceError })
/** `certain`: after each attempt it was known whether it had written. */
type Answered<A> = Attempt<A> & { readonly certain: boolean }

function failed({ server, certain }: Answered<unknown>, error: ServiceError): Told {
  const name = said(error.metadata, 'x-failure') ?? status[error.code] ?? String(error.code)
  return { outcome: certain ? 'definite' : 'indefinite', answer: `${name}: ${error.details}`, server, token: null }
}

/** The certainty that the service or the balancer gives; without one, nothing is certain. */
const certaintyOf = ({ metadata }: ServiceError): string | null => said(metadata, 'x-certainty')

const said = (metadata: Metadata | undefined, name: string): string | null => metadata?.get(name)[0]?.toString() ?? null

function withHeader(name: string, value: string): Metadata {
  const metadata = new Metadata()
  metadata.set(name, value)
  return metadata
}

function once<Q, A>(
  client: Client,
  method: Method<Q, A>,
  request: Q,
  metadata: Metadata,
  deadline: Date,
  signal: AbortSignal,
): Promise<Attempt<A>> {
  return new Promise((resolve) => {
    let headers: Metadata | undefined
    const stop = () => call.cancel()
    const call: ClientUnaryCall = method.call(client, request, metadata, { deadline }, (error, answer) => {
      signal.removeEventListener('abort', stop)
      const server = CallSchema.shape.server.safeParse(said(headers ?? error?.metadata, 'x-served-by'))
      const told = { server: server.success ? server.data : null, token: said(headers, 'consistency-token') }
      resolve(error === null ? { ...told, error, answer } : { ...told, error })
    })
    call.on('metadata', (heard) => {
      headers = heard
    })
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop)
  })
}

/** Pauses between attempts like gRPC; false if there is no time for another attempt. */
async function backOff(attempts: number, deadline: Date, signal: AbortSignal): Promise<boolean> {
  const { initialBackoff, backoffMultiplier, maxBackoff } = RETRY_POLICY
  const seconds = Math.min(initialBackoff * backoffMultiplier ** (attempts - 1), maxBackoff)
  const milliseconds = seconds * 1000 * (0.8 + 0.4 * Math.random())
  if (signal.aborted || Date.now() + milliseconds >= deadline.getTime()) return false
  await pause(milliseconds, undefined, { signal }).catch(() => {})
  return !signal.aborted
}
