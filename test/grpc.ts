// Plain clients of the wire contract, without retries: a test wants to see each answer.
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import {
  type CastVoteRequest,
  type CreatePollRequest,
  type ListPollsResponse,
  type PollResponse,
  type PollResultResponse,
  PollServiceClient,
  ResultServiceClient,
  type VoteResponse,
  VoteServiceClient,
} from '../proto/gen/polling.ts'
import { patience } from './the-lab.ts'

/** An answer, or the status it failed with; and the node that answered, where it said so. */
export type Answer<T> =
  | { readonly ok: T; readonly servedBy: string }
  | { readonly status: string; readonly details: string; readonly servedBy: string }

export type Client = {
  readonly createPoll: (request: CreatePollRequest) => Promise<Answer<PollResponse>>
  readonly listPolls: () => Promise<Answer<ListPollsResponse>>
  readonly closePoll: (uuid: string) => Promise<Answer<PollResponse>>
  readonly castVote: (request: CastVoteRequest) => Promise<Answer<VoteResponse>>
  readonly results: (uuid: string) => Promise<Answer<PollResultResponse>>
  readonly close: () => void
}

/** A client that calls `address` once per call and reports whatever happens; `seconds` is each call's deadline. */
export function client(address: string, seconds = 10): Client {
  const insecure = credentials.createInsecure()
  const options = { 'grpc.enable_retries': 0, 'grpc.use_local_subchannel_pool': 1 }
  const polls = new PollServiceClient(address, insecure, options)
  const votes = new VoteServiceClient(address, insecure, options)
  const results = new ResultServiceClient(address, insecure, options)
  const metadata = new Metadata()
  const deadline = () => ({ deadline: Date.now() + seconds * 1000 * patience })
  return {
    createPoll: (request) => answer((done) => polls.createPoll(request, metadata, deadline(), done)),
    listPolls: () => answer((done) => polls.listPolls({}, metadata, deadline(), done)),
    closePoll: (uuid) => answer((done) => polls.closePoll({ uuid }, metadata, deadline(), done)),
    castVote: (request) => answer((done) => votes.castVote(request, metadata, deadline(), done)),
    results: (uuid) => answer((done) => results.getPollResults({ uuid }, metadata, deadline(), done)),
    close: () => {
      for (const it of [polls, votes, results]) it.close()
    },
  }
}

type Done<T> = (error: ServiceError | null, response: T) => void
type Call = { on: (event: 'metadata', heard: (metadata: Metadata) => void) => unknown }

function answer<T>(start: (done: Done<T>) => Call): Promise<Answer<T>> {
  return new Promise((resolve) => {
    let servedBy = ''
    const call = start((error, response) => {
      servedBy ||= String(error?.metadata?.get('x-served-by')[0] ?? '')
      resolve(
        error ? { status: status[error.code] ?? '', details: error.details, servedBy } : { ok: response, servedBy },
      )
    })
    call.on('metadata', (metadata) => {
      servedBy = String(metadata.get('x-served-by')[0] ?? '')
    })
  })
}

/** The answer of a call that must succeed; a failure throws with its status. */
export async function ok<T>(pending: Promise<Answer<T>>): Promise<T> {
  const got = await pending
  if (!('ok' in got)) throw new Error(`${got.status}: ${got.details} (from ${got.servedBy || 'nobody'})`)
  return got.ok
}
