import { type ServiceError, status } from '@grpc/grpc-js'
import { type Answered, call, STORED, said, servicesAt } from '../call.ts'
import { Call } from './history.ts'

/** What a caller knows after a call. */
export type Told = Pick<Call, 'outcome' | 'answer' | 'server' | 'token'>

/** A client for callers. Calls end early when its signal is aborted. */
export type LoadClient = {
  /** The uuid of the new poll, or undefined if the call failed. */
  readonly createPoll: (question: string, options: readonly string[]) => Promise<string | undefined>
  readonly vote: (poll: string, user: string, option: string, key: string) => Promise<Told>
  /** `seen`: the number of votes in the results, if there was an answer. */
  readonly read: (poll: string, token: string) => Promise<Told & { readonly seen: number | null }>
  readonly close: () => void
}

/** Answers to a vote that are neither that it is stored nor a gRPC error. */
const CERTAIN_REFUSALS: readonly string[] = ['Poll Not Found', 'Poll Closed', 'Invalid Option']

/** A client that says what each answer, together with the attempts before it, proves. It has its own connections. */
export function loadClient(address: string, patience: number, signal?: AbortSignal): LoadClient {
  const { polls, votes, results, close } = servicesAt(address, { own: true })
  return {
    async createPoll(question, options) {
      const request = { poll_questions: question, options: [...options] }
      const got = await call(polls, polls.createPoll, request, { key: crypto.randomUUID() }, patience, signal)
      return got.error === null ? got.answer.uuid : undefined
    },
    async vote(uuid, userID, select_options, key) {
      const request = { uuid, userID, select_options }
      const got = await call(votes, votes.castVote, request, { key }, patience, signal)
      if (got.error !== null) return failed(got, got.error)
      const { status: answer } = got.answer
      if (answer === STORED) return { outcome: 'ok', answer, server: serverOf(got), token: got.token }
      const refused = got.certain && CERTAIN_REFUSALS.includes(answer)
      return { outcome: refused ? 'definite' : 'indefinite', answer, server: serverOf(got), token: null }
    },
    async read(uuid, token) {
      const got = await call(results, results.getPollResults, { uuid }, { token }, patience, signal)
      if (got.error !== null) return { ...failed(got, got.error), token, seen: null }
      const seen = [...got.answer.results.values()].reduce((sum, votes) => sum + votes, 0)
      return { outcome: 'ok', answer: 'results', server: serverOf(got), token, seen }
    },
    close,
  }
}

function failed(got: Answered<unknown>, error: ServiceError): Told {
  const name = said(error.metadata, 'x-failure') ?? status[error.code] ?? String(error.code)
  const outcome = got.certain ? 'definite' : 'indefinite'
  return { outcome, answer: `${name}: ${error.details}`, server: serverOf(got), token: null }
}

function serverOf({ server }: Answered<unknown>): Told['server'] {
  const named = Call.shape.server.safeParse(server)
  return named.success ? named.data : null
}
