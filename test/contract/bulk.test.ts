import { randomUUID } from 'node:crypto'
import { type ClientDuplexStream, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { type Test, t, test } from 'tap'
import {
  type BulkVote,
  type CastVotesRequest,
  type CastVotesResponse,
  VoteServiceClient,
} from '../../proto/gen/polling.ts'
import { healthOf } from '../../scripts/lab/service/health.ts'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, patience, sql } from '../the-lab.ts'

const BATCH = 512
const it = client(addressOf('loader'))
const newPoll = async () => (await ok(it.createPoll({ poll_questions: 'Bulk?', options: ['a', 'b'] }))).uuid
const vote = (uuid: string, userID: string, more: Partial<BulkVote> = {}): BulkVote => {
  return { uuid, userID, select_options: 'a', idempotency_key: '', ...more }
}
const batchOf = (uuid: string, batch: number, size = BATCH): CastVotesRequest => {
  return { batch, votes: Array.from({ length: size }, (_, nth) => vote(uuid, `${batch}-${nth}`)) }
}
const storedIn = async (uuid: string) =>
  Number(await sql('db-primary', `select count(*) from vote where poll_id = '${uuid}'`))

type Stream = {
  readonly call: ClientDuplexStream<CastVotesRequest, CastVotesResponse>
  readonly answers: CastVotesResponse[]
  /** Undefined if the stream ended well. */
  readonly ended: Promise<ServiceError | undefined>
}

/** Opens a stream to `address` that collects its answers. */
function open(t: Test, address: string): Stream {
  const votes = new VoteServiceClient(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
  t.teardown(() => votes.close())
  const call = votes.castVotes()
  const answers: CastVotesResponse[] = []
  call.on('data', (answer: CastVotesResponse) => answers.push(answer))
  const ended = new Promise<ServiceError | undefined>((resolve) => {
    call.on('error', resolve)
    call.on('end', () => resolve(undefined))
  })
  return { call, answers, ended }
}

const shown = (answer: CastVotesResponse | undefined) =>
  answer?.results.map(({ status, failure }) => status ?? `${failure?.failure} ${failure?.definite}`)

for (const name of ['loader', 'primary', 'backup'] as const) {
  test(`${name}: each vote of a batch is answered, in order, and one that fails takes no other with it`, async (t) => {
    const [uuid, closed] = [await newPoll(), await newPoll()]
    await ok(it.closePoll(closed))
    const key = randomUUID()
    const { call, answers, ended } = open(t, addressOf(name))
    const votes = [
      vote(uuid, 'ann', { idempotency_key: key }),
      vote('no uuid', 'ann'),
      vote(uuid, 'bob'),
      vote(uuid, 'bob', { select_options: 'b' }),
      vote(uuid, ''),
      vote(closed, 'ann'),
      vote(uuid, 'cid', { select_options: 'c' }),
      vote(randomUUID(), 'ann'),
      vote(uuid, 'ann', { idempotency_key: key }),
      vote(uuid, 'dan', { idempotency_key: key }),
      vote(uuid, 'eve', { idempotency_key: 'é' }),
    ]
    call.write({ batch: 7, votes })
    call.write({ batch: 8, votes: [] })
    call.end()
    t.equal(await ended, undefined)
    t.same(shown(answers.find(({ batch }) => batch === 7)), [
      'Vote Successfully!',
      'INVALID_FIELD true',
      'Vote Successfully!',
      'duplicate_vote',
      'INVALID_FIELD true',
      'Poll Closed',
      'Invalid Option',
      'Poll Not Found',
      'Vote Successfully!',
      'KEY_REUSED true',
      'INVALID_FIELD true',
    ])
    t.same(shown(answers.find(({ batch }) => batch === 8)), [])
    const invalid = answers.find(({ batch }) => batch === 7)?.results[1]?.failure
    t.match(invalid, { code: status.INVALID_ARGUMENT, message: /^uuid: .*definite/ })
    const token = answers.find(({ batch }) => batch === 7)?.consistency_token ?? ''
    t.match(await it.results(uuid, { token }), { ok: { results: { a: 2, b: 0 } } })
  })
}

test('a batch that is too large ends the stream, once those before it are answered', async (t) => {
  const uuid = await newPoll()
  const { call, answers, ended } = open(t, addressOf('loader'))
  call.write(batchOf(uuid, 1, BATCH))
  call.write(batchOf(uuid, 2, BATCH + 1))
  call.write(batchOf(uuid, 3, BATCH))
  t.match(await ended, { code: status.INVALID_ARGUMENT, details: /^votes: .*512/ })
  t.same(
    answers.map(({ batch }) => batch),
    [1],
  )
  t.equal(await storedIn(uuid), BATCH)
})

test('streams on both servers and single votes together: every answer is right, and the results are the votes', async (t) => {
  const uuid = await newPoll()
  const streams = [open(t, addressOf('primary')), open(t, addressOf('backup')), open(t, addressOf('loader'))]
  // Each stream sends the same users: each may vote once.
  for (const { call } of streams) for (let batch = 0; batch < 20; batch++) call.write(batchOf(uuid, batch, 100))
  const single = Promise.all(
    Array.from({ length: 100 }, (_, nth) => ok(it.castVote({ uuid, userID: `0-${nth}`, select_options: 'a' }))),
  )
  for (const { call } of streams) call.end()
  t.same(await Promise.all(streams.map(({ ended }) => ended)), [undefined, undefined, undefined])
  const results = streams.flatMap(({ answers }) => answers.flatMap((answer) => answer.results))
  const failures = results.map(({ failure }) => failure?.message)
  t.same(new Set(failures), new Set([undefined]))
  const statuses = [...results, ...(await single)].map((result) => result.status)
  t.equal(statuses.length, 3 * 2000 + 100)
  t.equal(statuses.filter((text) => text === 'Vote Successfully!').length, 2000)
  t.equal(statuses.filter((text) => text === 'duplicate_vote').length, 4100)
  const tokens = streams.map(({ answers }) => answers.at(-1)?.consistency_token ?? '')
  for (const token of tokens) t.match(await it.results(uuid, { token }), { ok: { uuid } })
  t.equal((await ok(client(addressOf('primary')).results(uuid))).results['a'], 2000)
})

test('a client that does not read its answers is not read from; once it reads, all is answered', async (t) => {
  const uuid = await newPoll()
  const batches = 120
  const { call, answers, ended } = open(t, addressOf('primary'))
  call.pause()
  for (let batch = 0; batch < batches; batch++) call.write(batchOf(uuid, batch))
  call.end()
  let before = -1
  const stored = await until('the server to stop reading', { seconds: 30, patience }, async () => {
    const now = await storedIn(uuid)
    await new Promise((resolve) => setTimeout(resolve, 500 * patience))
    const still = now === before && now > 0
    before = now
    return still ? { done: now } : { seen: `${now} votes` }
  })
  t.ok(stored < (batches * BATCH) / 2, `${stored} of ${batches * BATCH} votes were taken`)
  call.resume()
  t.equal(await ended, undefined)
  t.equal(answers.length, batches)
  t.equal(await storedIn(uuid), batches * BATCH)
})

test('a server that stops in order answers what it read, and says that the rest was not cast', async (t) => {
  t.teardown(async () => {
    await docker('start', containerOf('backup'))
    await until('the server to serve again', { seconds: 30, patience }, async () => {
      const seen = await healthOf(addressOf('backup'), 2 * patience)
      return seen === 'SERVING' ? { done: undefined } : { seen }
    })
  })
  const uuid = await newPoll()
  const { call, answers, ended } = open(t, addressOf('backup'))
  let batch = 0
  let over = false
  const pouring = (async () => {
    while (!over) {
      if (batch - answers.length < 8) call.write(batchOf(uuid, batch++, 50))
      else await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  await until('some answers', { seconds: 5, patience }, async () =>
    answers.length > 20 ? { done: undefined } : { seen: `${answers.length}` },
  )
  const stopped = docker('stop', containerOf('backup'))
  const error = await ended
  over = true
  await pouring
  await stopped
  t.match(error, { code: status.UNAVAILABLE, details: /stopping.*definite/ })
  t.equal(error?.metadata.get('x-failure')[0], 'SERVER_STOPPING')
  t.ok(answers.every(({ results }) => results.every((result) => result.status === 'Vote Successfully!')))
  t.equal(await storedIn(uuid), answers.length * 50, 'what was answered is there, and nothing else')
})

t.teardown(async () => it.close())
