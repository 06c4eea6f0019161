// Plain clients of the wire contract, without retries: a test wants to see each answer.
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import {
  type CastVoteRequest,
  type CreatePollRequest,
  type ListPollsPageResponse,
  type ListPollsResponse,
  type PollResponse,
  type PollResultResponse,
  PollServiceClient,
  ResultServiceClient,
  type VoteResponse,
  VoteServiceClient,
} from '../proto/gen/polling.ts'
import { patience } from './the-lab.ts'

/** An answer, or the status it failed with; the node that answered and the consistency token, if it sent them. */
export type Answer<T> =
  | { readonly ok: T; readonly servedBy: string; readonly token: string }
  | {
      readonly status: string
      readonly details: string
      readonly failure: string
      readonly certainty: string
      readonly servedBy: string
    }

/** Metadata to send along: an idempotency key, a consistency token. */
export type Sent = { readonly key?: string; readonly token?: string }

/** Results with the votes in a plain object, which is shorter to compare; without the order of the options. */
export type Results = Omit<PollResultResponse, 'results'> & { readonly results: Readonly<Record<string, number>> }

export const plain = (it: PollResultResponse): Results => ({ ...it, results: Object.fromEntries(it.results) })

export type Client = {
  readonly createPoll: (request: CreatePollRequest, sent?: Sent) => Promise<Answer<PollResponse>>
  readonly listPolls: (sent?: Sent) => Promise<Answer<ListPollsResponse>>
  readonly pollPage: (page_size: number, page_token: string, sent?: Sent) => Promise<Answer<ListPollsPageResponse>>
  readonly closePoll: (uuid: string) => Promise<Answer<PollResponse>>
  readonly castVote: (request: CastVoteRequest, sent?: Sent) => Promise<Answer<VoteResponse>>
  readonly results: (uuid: string, sent?: Sent) => Promise<Answer<Results>>
  readonly close: () => void
}

/** A client that calls `address` once per call and reports whatever happens; `seconds` is each call's deadline. */
export function client(address: string, seconds = 10): Client {
  const insecure = credentials.createInsecure()
  const options = { 'grpc.enable_retries': 0, 'grpc.use_local_subchannel_pool': 1 }
  const polls = new PollServiceClient(address, insecure, options)
  const votes = new VoteServiceClient(address, insecure, options)
  const results = new ResultServiceClient(address, insecure, options)
  const deadline = () => ({ deadline: Date.now() + seconds * 1000 * patience })
  return {
    createPoll: (request, sent) => answer((done) => polls.createPoll(request, metadataOf(sent), deadline(), done)),
    listPolls: (sent) => answer((done) => polls.listPolls({}, metadataOf(sent), deadline(), done)),
    pollPage: (page_size, page_token, sent) =>
      answer((done) => polls.listPollsPage({ page_size, page_token }, metadataOf(sent), deadline(), done)),
    closePoll: (uuid) => answer((done) => polls.closePoll({ uuid }, new Metadata(), deadline(), done)),
    castVote: (request, sent) => answer((done) => votes.castVote(request, metadataOf(sent), deadline(), done)),
    results: (uuid, sent) =>
      answer((done) =>
        results.getPollResults({ uuid }, metadataOf(sent), deadline(), (error, it) => done(error, it && plain(it))),
      ),
    close: () => {
      for (const it of [polls, votes, results]) it.close()
    },
  }
}

type Done<T> = (error: ServiceError | null, response: T) => void
type Call = { on: (event: 'metadata', heard: (metadata: Metadata) => void) => unknown }

function metadataOf(sent: Sent = {}): Metadata {
  const metadata = new Metadata()
  if (sent.key !== undefined) metadata.set('idempotency-key', sent.key)
  if (sent.token !== undefined) metadata.set('consistency-token', sent.token)
  return metadata
}

function answer<T>(start: (done: Done<T>) => Call): Promise<Answer<T>> {
  return new Promise((resolve) => {
    let headers = new Metadata()
    const call = start((error, response) => {
      const said = (name: string) => String(headers.get(name)[0] ?? error?.metadata?.get(name)[0] ?? '')
      const servedBy = said('x-served-by')
      if (!error) return resolve({ ok: response, servedBy, token: said('consistency-token') })
      resolve({
        status: status[error.code] ?? '',
        details: error.details,
        failure: said('x-failure'),
        certainty: said('x-certainty'),
        servedBy,
      })
    })
    call.on('metadata', (metadata) => {
      headers = metadata
    })
  })
}

/** The answer of a call that must succeed; a failure throws with its status. */
export async function ok<T>(pending: Promise<Answer<T>>): Promise<T> {
  const got = await pending
  if (!('ok' in got)) throw new Error(`${got.status}: ${got.details} (from ${got.servedBy || 'nobody'})`)
  return got.ok
}
