// Plain clients of the wire contract, without retries: a test wants to see each answer.
import { type Client as GrpcClient, status } from '@grpc/grpc-js'
import type {
  CastVoteRequest,
  CreatePollRequest,
  ListPollsPageResponse,
  ListPollsResponse,
  PollResponse,
  PollResultResponse,
  VoteResponse,
} from '../proto/gen/polling.ts'
import {
  type Attempt,
  callOnce,
  type Method,
  metadataOf,
  type Sent,
  said,
  servicesAt,
} from '../scripts/lab/service/call.ts'
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
  const { polls, votes, results, close } = servicesAt(address, { own: true })
  const once = async <Q, A>(service: GrpcClient, method: Method<Q, A>, request: Q, sent: Sent = {}) => {
    const deadline = new Date(Date.now() + seconds * 1000 * patience)
    return answerOf(await callOnce(service, method, request, metadataOf(sent), deadline))
  }
  return {
    createPoll: (request, sent) => once(polls, polls.createPoll, request, sent),
    listPolls: (sent) => once(polls, polls.listPolls, {}, sent),
    pollPage: (page_size, page_token, sent) => once(polls, polls.listPollsPage, { page_size, page_token }, sent),
    closePoll: (uuid) => once(polls, polls.closePoll, { uuid }),
    castVote: (request, sent) => once(votes, votes.castVote, request, sent),
    async results(uuid, sent) {
      const got = await once(results, results.getPollResults, { uuid }, sent)
      return 'ok' in got ? { ...got, ok: plain(got.ok) } : got
    },
    close,
  }
}

function answerOf<A>(got: Attempt<A>): Answer<A> {
  const servedBy = got.server ?? ''
  if (got.error === null) return { ok: got.answer, servedBy, token: got.token ?? '' }
  const { code, details, metadata } = got.error
  const failure = said(metadata, 'x-failure') ?? ''
  const certainty = said(metadata, 'x-certainty') ?? ''
  return { status: status[code] ?? '', details, failure, certainty, servedBy }
}

/** The answer of a call that must succeed; a failure throws with its status. */
export async function ok<T>(pending: Promise<Answer<T>>): Promise<T> {
  const got = await pending
  if (!('ok' in got)) throw new Error(`${got.status}: ${got.details} (from ${got.servedBy || 'nobody'})`)
  return got.ok
}
