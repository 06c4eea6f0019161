// What a caller concludes from the attempts of one call, against a service that answers as it is told.
import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js'
import { t, test } from 'tap'
import { type CastVoteRequest, type VoteResponse, VoteServiceService } from '../../../proto/gen/polling.ts'
import { loadClient } from '../../../scripts/lab/service/load/client.ts'

type Answer = { readonly status: string } | { readonly failure: string; readonly certainty?: string } | 'silence'

const answers: Answer[] = []
const keys: string[] = []
const server = new Server()
server.addService(VoteServiceService, {
  castVote(call: ServerUnaryCall<CastVoteRequest, VoteResponse>, done: sendUnaryData<VoteResponse>) {
    keys.push(String(call.metadata.get('idempotency-key')[0]))
    const headers = new Metadata()
    headers.set('x-served-by', 'backup')
    headers.set('consistency-token', '1-0/1')
    call.sendMetadata(headers)
    const answer = answers.shift() ?? 'silence'
    if (answer === 'silence') return
    if ('status' in answer) return done(null, answer)
    const metadata = new Metadata()
    metadata.set('x-failure', answer.failure)
    if (answer.certainty) metadata.set('x-certainty', answer.certainty)
    done({ code: status.UNAVAILABLE, details: 'said so', metadata })
  },
})
const port = await new Promise<number>((resolve, reject) =>
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
    error ? reject(error) : resolve(port),
  ),
)

/** What a vote comes to whose attempts are answered like this. */
async function vote(...wanted: readonly Answer[]) {
  answers.splice(0, answers.length, ...wanted)
  keys.length = 0
  const client = loadClient(`127.0.0.1:${port}`, 1, new AbortController().signal)
  return client.vote('p', 'u', 'a', 'the key').finally(client.close)
}
const LOST = { failure: 'CONNECTION_LOST', certainty: 'indefinite' }
const NONE = { failure: 'NO_WRITABLE_DATABASE', certainty: 'definite' }

test('an acknowledged vote is ok, however its attempts before failed; they all had its key', async (t) => {
  t.strictSame(await vote(LOST, NONE, { status: 'Vote Successfully!' }), {
    outcome: 'ok',
    answer: 'Vote Successfully!',
    server: 'backup',
    token: '1-0/1',
  })
  t.strictSame(keys, ['the key', 'the key', 'the key'])
})

test('a vote has failed for certain only if each attempt has', async (t) => {
  t.match(await vote({ status: 'Poll Closed' }), { outcome: 'definite', answer: 'Poll Closed', token: null })
  t.match(await vote(NONE, { status: 'Poll Not Found' }), { outcome: 'definite' })
  t.match(await vote(LOST, { status: 'Poll Not Found' }), { outcome: 'indefinite' })
  t.match(await vote({ failure: 'UNSAID' }, { status: 'Invalid Option' }), { outcome: 'indefinite' })
  t.match(await vote({ status: 'duplicate_vote' }), { outcome: 'indefinite', answer: 'duplicate_vote' })
})

test('attempts end as the retry policy says, and the last one is what is recorded', async (t) => {
  const answer = 'NO_WRITABLE_DATABASE: said so'
  const definite = { outcome: 'definite', answer, server: 'backup', token: null }
  t.strictSame(await vote(NONE, NONE, NONE, NONE, NONE, { status: 'Vote Successfully!' }), definite)
  t.equal(keys.length, 5)
  t.match(await vote(LOST, NONE, NONE, NONE, NONE), { outcome: 'indefinite', answer })
})

test('if a call is cut short, or nobody listens at the port, its outcome is indefinite', async (t) => {
  const cutting = new AbortController()
  answers.splice(0, answers.length, 'silence')
  const client = loadClient(`127.0.0.1:${port}`, 1, cutting.signal)
  const call = client.vote('p', 'u', 'a', 'k')
  setTimeout(() => cutting.abort(), 100)
  t.match(await call, { outcome: 'indefinite', answer: /^CANCELLED/ })
  client.close()
  const nobody = loadClient('127.0.0.1:1', 1, AbortSignal.timeout(500))
  t.match(await nobody.vote('p', 'u', 'a', 'k'), { outcome: 'indefinite', answer: /^UNAVAILABLE/, server: null })
  nobody.close()
})

t.teardown(async () => server.forceShutdown())
