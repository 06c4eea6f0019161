// How a call is made, with its key, its token and its repetitions. Every client of the lab calls like this, except those
// that measure the cost of calls (bench/attempts.ts), and streams.
import { setTimeout as pause } from 'node:timers/promises'
import {
  type CallOptions,
  type Client,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import {
  type CastVoteRequest,
  PollServiceClient,
  ResultServiceClient,
  type VoteResponse,
  VoteServiceClient,
} from '../../../proto/gen/polling.ts'

/** The status of the contract for a vote that is stored. */
export const STORED = 'Vote Successfully!'

/** Seconds that a call may take with all its repetitions, before `patience`. */
export const CALL_SECONDS = 10

/** How a call is repeated that was answered UNAVAILABLE, in gRPC's terms; times in seconds. */
const RETRY_POLICY = {
  maxAttempts: 5,
  // Together at least 2.4 s: longer than it takes to notice that a server is dead, or back.
  initialBackoff: 0.2,
  maxBackoff: 2,
  backoffMultiplier: 2,
} as const

/** The services at an address. */
export type Services = {
  readonly polls: PollServiceClient
  readonly votes: VoteServiceClient
  readonly results: ResultServiceClient
  readonly close: () => void
}

/** Connects to `address` when it is called. `own`: over connections that no other client of this process uses. */
export function servicesAt(address: string, { own = false } = {}): Services {
  // The library does not repeat calls: it would show only the last attempt, which may have a definite error while the vote of
  // an earlier attempt is stored.
  const options = { 'grpc.enable_retries': 0, 'grpc.use_local_subchannel_pool': own ? 1 : 0 }
  const insecure = credentials.createInsecure()
  const polls = new PollServiceClient(address, insecure, options)
  const votes = new VoteServiceClient(address, insecure, options)
  const results = new ResultServiceClient(address, insecure, options)
  const close = () => {
    for (const client of [polls, votes, results]) client.close()
  }
  return { polls, votes, results, close }
}

/** What goes along with a call: the key by which the service recognises a repetition, and the token of a write to see. */
export type Sent = { readonly key?: string | undefined; readonly token?: string | undefined }

export function metadataOf({ key, token }: Sent): Metadata {
  const metadata = new Metadata()
  if (key !== undefined) metadata.set('idempotency-key', key)
  if (token !== undefined) metadata.set('consistency-token', token)
  return metadata
}

/** How one attempt ended, the server that answered, by its own name, and the token that it gave. */
export type Attempt<A> = { readonly server: string | null; readonly token: string | null } & (
  | { readonly error: null; readonly answer: A }
  | { readonly error: ServiceError }
)

/** The timeline of the write that a token is of. */
export const timelineOf = (token: string): number => Number.parseInt(token, 10)

/** A method of one of the services. */
export type Method<Q, A> = (
  request: Q,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, answer: A) => void,
) => ClientUnaryCall

/** Calls once. A `signal` ends it early. */
export function callOnce<Q, A>(
  client: Client,
  method: Method<Q, A>,
  request: Q,
  metadata: Metadata,
  deadline: Date,
  signal?: AbortSignal,
): Promise<Attempt<A>> {
  return new Promise((resolve) => {
    let headers: Metadata | undefined
    const stop = () => call.cancel()
    const call = method.call(client, request, metadata, { deadline }, (error, answer) => {
      signal?.removeEventListener('abort', stop)
      const server = said(headers, 'x-served-by') ?? said(error?.metadata, 'x-served-by')
      const told = { server, token: said(headers, 'consistency-token') }
      resolve(error === null ? { ...told, error, answer } : { ...told, error })
    })
    call.on('metadata', (heard) => {
      headers = heard
    })
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop)
  })
}

/** Casts a vote once, without a key; gives up after `seconds`. */
export function castOnce(address: string, vote: CastVoteRequest, seconds: number): Promise<Attempt<VoteResponse>> {
  const { votes, close } = servicesAt(address)
  return callOnce(votes, votes.castVote, vote, new Metadata(), inSeconds(seconds)).finally(close)
}

/** The last attempt. `certain`: of each attempt that failed it is known that it wrote nothing. */
export type Answered<A> = Attempt<A> & { readonly certain: boolean }

/** Calls, and repeats the call like gRPC if the service cannot be reached. */
export async function call<Q, A>(
  client: Client,
  method: Method<Q, A>,
  request: Q,
  sent: Sent,
  patience: number,
  signal?: AbortSignal,
): Promise<Answered<A>> {
  const metadata = metadataOf(sent)
  const deadline = inSeconds(CALL_SECONDS * patience)
  let certain = true
  for (let attempts = 1; ; attempts++) {
    const got = await callOnce(client, method, request, metadata, deadline, signal)
    if (got.error === null) return { ...got, certain }
    certain &&= said(got.error.metadata, 'x-certainty') === 'definite'
    if (!worthAnotherTry(got.error) || attempts === RETRY_POLICY.maxAttempts) return { ...got, certain }
    if (!(await backOff(attempts, deadline, signal))) return { ...got, certain }
  }
}

/** Whether the name of the host in an address means nothing: then it does not help to call again. */
export const unresolved = ({ details }: Pick<ServiceError, 'details'>): boolean =>
  details.startsWith('Name resolution failed')

// If a server dies in the middle of an answer, the balancer can only reset the stream.
const worthAnotherTry = (error: ServiceError): boolean =>
  (error.code === status.UNAVAILABLE && !unresolved(error)) ||
  (error.code === status.INTERNAL && error.details.includes('RST_STREAM'))

/** What a server said in its metadata under that name. */
export const said = (metadata: Metadata | undefined, name: string): string | null =>
  metadata?.get(name)[0]?.toString() ?? null

const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000)

/** Pauses between attempts like gRPC; false if there is no time for another attempt. */
async function backOff(attempts: number, deadline: Date, signal?: AbortSignal): Promise<boolean> {
  const { initialBackoff, backoffMultiplier, maxBackoff } = RETRY_POLICY
  const seconds = Math.min(initialBackoff * backoffMultiplier ** (attempts - 1), maxBackoff)
  const milliseconds = seconds * 1000 * (0.8 + 0.4 * Math.random())
  if (signal?.aborted || Date.now() + milliseconds >= deadline.getTime()) return false
  await pause(milliseconds, undefined, signal && { signal }).catch(() => {})
  return !signal?.aborted
}
