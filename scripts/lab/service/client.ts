import { randomUUID } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { type Client, type ServiceError, status } from '@grpc/grpc-js'
import type { PollResponse, PollResultResponse } from '../../../proto/gen/polling.ts'
import { type LabError, labError } from '../errors.ts'
import { type Answered, call, type Method, servicesAt, unresolved } from './call.ts'
import { detailsOf } from './error-details.ts'

/** Whether a text is host:port, as a client can connect to it; an IPv6 address stands in brackets. */
export function isAddress(text: string): boolean {
  const [, bracketed, host = '', port] = /^(?:\[(.+)\]|([^\s:/[\]@?#%]+)):(\d{1,5})$/u.exec(text) ?? []
  const reachable = bracketed === undefined ? host.length > 0 && host.length <= 253 : isIPv6(bracketed)
  return reachable && Number(port) >= 1 && Number(port) <= 65535
}

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
  const { polls, votes, results, close } = servicesAt(address)
  const succeed = async <Q extends object, A>(
    name: string,
    client: Client,
    method: Method<Q, A>,
    request: Q,
    token?: string,
  ): Promise<Answered<A> & { readonly error: null }> => {
    const refused = unsendable(request, token)
    if (refused !== undefined) throw callFailed(name, address, { code: status.INVALID_ARGUMENT, details: refused })
    const got = await call(client, method, request, { key: randomUUID(), token }, patience)
    if (got.error !== null) throw callFailed(name, address, got.error)
    return got
  }
  return {
    async createPoll(question, options) {
      const request = { poll_questions: question, options: [...options] }
      return (await succeed('CreatePoll', polls, polls.createPoll, request)).answer
    },
    async *listPolls() {
      let page_token = ''
      do {
        const request = { page_size: 0, page_token }
        const { answer: page } = await succeed('ListPollsPage', polls, polls.listPollsPage, request)
        yield page.polls
        page_token = page.next_page_token
      } while (page_token !== '')
    },
    closePoll: async (uuid) => (await succeed('ClosePoll', polls, polls.closePoll, { uuid })).answer,
    async castVote(uuid, userID, select_options) {
      const { answer, token } = await succeed('CastVote', votes, votes.castVote, { uuid, userID, select_options })
      return { status: answer.status, token }
    },
    results: async (uuid, token) =>
      (await succeed('GetPollResults', results, results.getPollResults, { uuid }, token)).answer,
    close,
  }
}

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
    advice: unresolved(error)
      ? 'correct the name of the host; zx scripts/status.ts shows the addresses of the lab'
      : (ADVICE[error.code] ??
        'look at what the servers logged: docker logs, of the containers that zx scripts/status.ts --json names'),
  })
