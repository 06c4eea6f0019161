import { randomUUID } from 'node:crypto'
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
  type PollResponse,
  type PollResultResponse,
  PollServiceClient,
  ResultServiceClient,
  VoteServiceClient,
} from '../../../proto/gen/polling.ts'
import { type LabError, labError } from '../errors.ts'
import { detailsOf } from './error-details.ts'
import { CALL_SECONDS, diedWhileAnswering, RETRY_POLICY } from './retry-policy.ts'

// gRPC's own retry policy. Every call may be repeated: reads and ClosePoll change nothing the second time, and the
// others carry a key by which the service recognises them.
const SERVICE_CONFIG = JSON.stringify({
  methodConfig: [
    {
      name: [
        { service: 'polling.PollService' },
        { service: 'polling.VoteService', method: 'CastVote' },
        { service: 'polling.ResultService' },
      ],
      retryPolicy: {
        ...RETRY_POLICY,
        initialBackoff: `${RETRY_POLICY.initialBackoff}s`,
        maxBackoff: `${RETRY_POLICY.maxBackoff}s`,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
})

/** How often a call is made if its server dies while it answers. */
const MOST_ATTEMPTS = 3

export type PollingClient = {
  readonly createPoll: (question: string, options: readonly string[]) => Promise<PollResponse>
  /** All polls, newest first, page by page. */
  readonly listPolls: () => AsyncGenerator<readonly PollResponse[], void>
  readonly closePoll: (uuid: string) => Promise<PollResponse>
  readonly castVote: (uuid: string, userID: string, option: string) => Promise<CastVote>
  /** With the token of a write the results include that write, on either server. */
  readonly results: (uuid: string, token?: string) => Promise<PollResultResponse>
  readonly close: () => void
}

export type CastVote = {
  /** The status of the contract: `Vote Successfully!` or another. */
  readonly status: string
  /** A read that sends it back sees this vote. */
  readonly token: string | null
}

/** A client of the polling service at `address`; its failures are `CALL_FAILED` errors. */
export function pollingClient(address: string, patience: number): PollingClient {
  const options = { 'grpc.service_config': SERVICE_CONFIG }
  const insecure = credentials.createInsecure()
  const polls = new PollServiceClient(address, insecure, options)
  const votes = new VoteServiceClient(address, insecure, options)
  const results = new ResultServiceClient(address, insecure, options)
  const call = async <Q extends object, A>(
    name: string,
    client: Client,
    method: Method<Q, A>,
    request: Q,
    { token, heard = () => {} }: Besides = {},
  ): Promise<A> => {
    const refused = unsendable(request, token)
    if (refused !== undefined) throw callFailed(name, address, { code: status.INVALID_ARGUMENT, details: refused })
    const deadline = new Date(Date.now() + CALL_SECONDS * patience * 1000)
    const metadata = new Metadata()
    metadata.set('idempotency-key', randomUUID())
    if (token !== undefined) metadata.set('consistency-token', token)
    for (let attempts = 1; ; attempts++) {
      const { error, answer } = await new Promise<Answer<A>>((resolve) =>
        method
          .call(client, request, metadata, { deadline }, (error, answer) => resolve({ error, answer }))
          .on('metadata', heard),
      )
      if (error === null) return answer
      if (!diedWhileAnswering(error) || attempts === MOST_ATTEMPTS) throw callFailed(name, address, error)
    }
  }
  return {
    createPoll: (question, options) =>
      call('CreatePoll', polls, polls.createPoll, { poll_questions: question, options: [...options] }),
    async *listPolls() {
      let page_token = ''
      do {
        const page = await call('ListPollsPage', polls, polls.listPollsPage, { page_size: 0, page_token })
        yield page.polls
        page_token = page.next_page_token
      } while (page_token !== '')
    },
    closePoll: (uuid) => call('ClosePoll', polls, polls.closePoll, { uuid }),
    async castVote(uuid, userID, select_options) {
      let token: string | null = null
      const heard = (headers: Metadata) => {
        token = headers.get('consistency-token')[0]?.toString() ?? null
      }
      const { status } = await call('CastVote', votes, votes.castVote, { uuid, userID, select_options }, { heard })
      return { status, token }
    },
    results: (uuid, token) => call('GetPollResults', results, results.getPollResults, { uuid }, { token }),
    close: () => {
      for (const client of [polls, votes, results]) client.close()
    },
  }
}

type Besides = { readonly token?: string | undefined; readonly heard?: (headers: Metadata) => void }
type Answer<A> = { readonly error: ServiceError | null; readonly answer: A }
export type Method<Q, A> = (
  request: Q,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, answer: A) => void,
) => ClientUnaryCall

/**
 * Why a call cannot be sent as it was meant; undefined if it can. Bytes that are no UTF-8 became replacement characters
 * before we see them: two users could become one. Metadata is ASCII.
 */
export function unsendable(request: object, token: string | undefined): string | undefined {
  for (const [field, value] of Object.entries(request))
    for (const text of [value].flat())
      if (typeof text === 'string' && (!text.isWellFormed() || text.includes('\ufffd')))
        return `${field}: must be valid UTF-8`
  return token === undefined || /^[ -~]*$/.test(token)
    ? undefined
    : 'consistency-token: must be one that a vote has returned'
}

/** What to do about a status. A status that is missing here is a mistake of ours. */
const ADVICE: Partial<Record<status, string>> = {
  [status.INVALID_ARGUMENT]: 'correct the field it names',
  [status.NOT_FOUND]: 'list the polls: zx scripts/poll.ts list',
  [status.UNAVAILABLE]: 'see who is down: zx scripts/status.ts; bring the lab up: zx scripts/setup.ts',
  [status.DEADLINE_EXCEEDED]:
    'see which node hangs: zx scripts/status.ts, and whether commits wait: zx scripts/replication.ts',
  [status.RESOURCE_EXHAUSTED]:
    'the server or its database is overloaded or out of space: try again in a moment, and look at df -h',
}

/** The error of a failed call: what was answered, and what to do about it. */
export const callFailed = (call: string, address: string, error: Pick<ServiceError, 'code' | 'details'>): LabError =>
  labError('CALL_FAILED', {
    call: `${call} at ${address}`,
    status: status[error.code] ?? error.code,
    details: detailsOf(error),
    advice: error.details.startsWith('Name resolution failed')
      ? 'correct the name of the host; zx scripts/status.ts shows the addresses of the lab'
      : (ADVICE[error.code] ??
        'look at what the servers logged: docker logs, of the containers that zx scripts/status.ts --json names'),
  })
