import { randomUUID } from 'node:crypto'
import { t, test } from 'tap'
import { CreatePollRequest } from '../../proto/gen/polling.ts'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { beginning, ends, framed, rawCall, session } from '../safety/wire.ts'
import { addressOf, patience, sql } from '../the-lab.ts'

const primary = client(addressOf('primary'))
const backup = client(addressOf('backup'))
const loader = client(addressOf('loader'))
const newPoll = async () => (await ok(primary.createPoll({ poll_questions: 'Keys?', options: ['a', 'b'] }))).uuid
const storedIn = (uuid: string) => sql('db-primary', `select count(*) from vote where poll_id = '${uuid}'`)
const STORED = { ok: { status: 'Vote Successfully!' } }

test('a vote retried with its key on the other server answers as the first time did, and counts once', async (t) => {
  const vote = { uuid: await newPoll(), userID: 'ann', select_options: 'a' }
  const key = randomUUID()
  for (const server of [primary, backup, backup, primary]) t.match(await server.castVote(vote, { key }), STORED)
  t.match(await backup.castVote(vote), { ok: { status: 'duplicate_vote' } }, 'without the key the old rule holds')
  t.match(await backup.castVote(vote, { key: randomUUID() }), { ok: { status: 'duplicate_vote' } }, 'or with another')
  t.equal(await storedIn(vote.uuid), '1')
})

test('a vote retried after its poll was closed still answers that it is stored', async (t) => {
  const vote = { uuid: await newPoll(), userID: 'ann', select_options: 'a' }
  const key = randomUUID()
  t.match(await primary.castVote(vote, { key }), STORED)
  await ok(backup.closePoll(vote.uuid))
  t.match(await backup.castVote(vote, { key }), STORED)
  t.match(await backup.castVote({ ...vote, userID: 'bob' }, { key: randomUUID() }), { ok: { status: 'Poll Closed' } })
})

test('the same vote with the same key many times at once, on both servers: each is told that it is stored', async (t) => {
  const vote = { uuid: await newPoll(), userID: 'ann', select_options: 'a' }
  const key = randomUUID()
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => (i % 2 ? primary : backup).castVote(vote, { key })),
  )
  for (const answer of answers) t.match(answer, STORED)
  t.equal(await storedIn(vote.uuid), '1')
})

test('a key that cannot be read is refused, and never ignored', async (t) => {
  const question = `Ignored? ${randomUUID()}`
  const request = CreatePollRequest.encode({ poll_questions: question, options: ['a', 'b'] }).finish()
  const body = framed(Buffer.from(request))
  const path = '/polling.PollService/CreatePoll'
  const keys: Record<string, string>[] = [
    { 'idempotency-key': 'é' },
    { 'idempotency-key': 'a\tb' },
    { 'idempotency-key': '' },
    { 'idempotency-key': 'x'.repeat(129) },
    { 'idempotency-key-bin': 'AAAA' },
    { 'consistency-token-bin': 'AAAA' },
  ]
  for (const door of ['loader', 'primary'] as const) {
    const it = session(addressOf(door))
    for (const key of keys) {
      const [name = ''] = Object.keys(key)
      t.match(
        await it.post(path, body, key),
        { grpcStatus: '3', failure: 'INVALID_FIELD', grpcMessage: new RegExp(`^${name}: `) },
        `${door}: ${JSON.stringify(key)}`,
      )
    }
    it.close()
    const twice = [...beginning(path), ['idempotency-key', 'a'], ['idempotency-key', 'b']] as const
    t.ok(await ends(addressOf(door), rawCall(twice, body)))
  }
  // The balancer refuses what the servers' HTTP/2 would drop without a word.
  for (const value of ['a\x01b', 'a\x7fb', '\x1b'])
    t.ok(await ends(addressOf('loader'), rawCall([...beginning(path), ['idempotency-key', value]], body)))
  t.equal(await sql('db-primary', `select count(*) from poll where question = '${question}'`), '0')
})

test('a key may begin and end with spaces', async (t) => {
  const poll = { poll_questions: 'Spaces?', options: ['a', 'b'] }
  for (const server of [primary, loader]) {
    const key = ` ${randomUUID()} `
    const [first, again] = [await ok(server.createPoll(poll, { key })), await ok(backup.createPoll(poll, { key }))]
    t.equal(first.uuid, again.uuid)
  }
})

test('the same key with another vote is an error of its own, and nothing is written', async (t) => {
  const uuid = await newPoll()
  const vote = { uuid, userID: 'ann', select_options: 'a' }
  const key = randomUUID()
  t.match(await primary.castVote(vote, { key }), STORED)
  const others = [
    { ...vote, select_options: 'b' },
    { ...vote, userID: 'bob' },
    { ...vote, uuid: await newPoll() },
    { ...vote, select_options: 'no such option' },
  ]
  for (const other of others) {
    const refused = {
      status: 'ALREADY_EXISTS',
      failure: 'KEY_REUSED',
      certainty: 'definite',
      details: /idempotency-key/,
    }
    t.match(await backup.castVote(other, { key }), refused)
  }
  t.equal(await storedIn(uuid), '1')
})

test('keys that two servers get in opposite order do not block each other for long', async (t) => {
  const uuid = await newPoll()
  const keys = Array.from({ length: 20 }, () => randomUUID())
  const cast = (server: typeof primary, key: string, nth: number, name: string) =>
    server.castVote({ uuid, userID: `${name}${String(nth).padStart(2, '0')}`, select_options: 'a' }, { key })
  const answers = await Promise.all([
    ...keys.map((key, nth) => cast(primary, key, nth, 'ann')),
    ...keys.map((key, nth) => cast(backup, key, keys.length - nth, 'bob')),
  ])
  const stored = answers.filter((answer) => 'ok' in answer).length
  const refused = answers.filter((answer) => 'failure' in answer && answer.failure === 'KEY_REUSED').length
  t.equal(stored, keys.length, `each key is used once; the answers: ${JSON.stringify(answers)}`)
  t.equal(refused, keys.length)
  t.equal(await storedIn(uuid), String(keys.length))
})

test('a poll created again with its key is the same poll, on either server', async (t) => {
  const request = { poll_questions: 'Once?', options: ['a', 'b'] }
  const key = randomUUID()
  const first = await ok(primary.createPoll(request, { key }))
  t.same(await ok(backup.createPoll(request, { key })), first)
  const again = await Promise.all([primary, backup, primary, backup].map((it) => ok(it.createPoll(request, { key }))))
  for (const poll of again) t.same(poll, first)
  t.not((await ok(backup.createPoll(request))).uuid, first.uuid, 'without the key it is another')
  const refused = { status: 'ALREADY_EXISTS', failure: 'KEY_REUSED', certainty: 'definite' }
  t.match(await backup.createPoll({ ...request, options: ['b', 'a'] }, { key }), refused)
})

test('an impossible key is refused, and the answer names it', async (t) => {
  const vote = { uuid: await newPoll(), userID: 'ann', select_options: 'a' }
  const refused = { status: 'INVALID_ARGUMENT', failure: 'INVALID_FIELD', details: /^idempotency-key/ }
  for (const key of ['', 'x'.repeat(129)]) {
    t.match(await primary.castVote(vote, { key }), refused)
    t.match(await primary.createPoll({ poll_questions: 'q', options: ['a', 'b'] }, { key }), refused)
  }
  t.match(await primary.castVote(vote, { key: 'x'.repeat(128) }), STORED)
})

test('results follow the votes, even if votes come and go by SQL', async (t) => {
  const uuid = await newPoll()
  await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      ok((i % 2 ? primary : backup).castVote({ uuid, userID: `u${i}`, select_options: i % 5 ? 'a' : 'b' })),
    ),
  )
  t.match(await primary.results(uuid), { ok: { results: { a: 40, b: 10 } } })
  await sql('db-primary', `set role owner; delete from vote where poll_id = '${uuid}' and user_id < 'u2'`)
  await sql('db-primary', `set role owner; update vote set option = 2 where poll_id = '${uuid}' and user_id = 'u21'`)
  const counted = await sql(
    'db-primary',
    `select option, count(*) from vote where poll_id = '${uuid}' group by 1 order by 1`,
  )
  const [a, b] = counted.split('\n').map((line) => Number(line.split('|')[1]))
  t.match(await primary.results(uuid), { ok: { results: { a, b } } })
  await until('the other database to say the same', { seconds: 5, patience }, async () => {
    const seen = await ok(backup.results(uuid))
    return seen.results['a'] === a && seen.results['b'] === b ? { done: undefined } : { seen: JSON.stringify(seen) }
  })
})

t.teardown(async () => {
  primary.close()
  backup.close()
  loader.close()
})
