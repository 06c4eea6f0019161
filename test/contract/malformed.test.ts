import fc from 'fast-check'
import { t, test } from 'tap'
import { client, ok } from '../grpc.ts'
import { framed, session } from '../safety/wire.ts'
import { blankText, noUtf8, visibleText } from '../texts.ts'
import { addressOf } from '../the-lab.ts'

const it = client(addressOf('loader'))
const options = ['a', 'b']
const long = (bytes: number) => 'x'.repeat(bytes)

test('an impossible poll is refused, and the answer names the field', async (t) => {
  const cases = {
    poll_questions: [
      { poll_questions: '', options },
      { poll_questions: long(501), options },
      { poll_questions: 'nul \0 character', options },
      { poll_questions: ' \t\u200b\u3000', options },
    ],
    options: [
      { poll_questions: 'q', options: [] },
      { poll_questions: 'q', options: ['only one'] },
      { poll_questions: 'q', options: ['same', 'same'] },
      { poll_questions: 'q', options: ['a', ''] },
      { poll_questions: 'q', options: ['a', long(201)] },
      { poll_questions: 'q', options: Array.from({ length: 51 }, (_, index) => `${index}`) },
      { poll_questions: 'q', options: ['a', 'nul \0'] },
      { poll_questions: 'q', options: ['a', '\n'] },
    ],
  }
  for (const [field, requests] of Object.entries(cases)) {
    for (const request of requests)
      t.match(await it.createPoll(request), { status: 'INVALID_ARGUMENT', details: new RegExp(field) })
  }
})

test('the largest poll that is allowed is created', async (t) => {
  const most = Array.from({ length: 50 }, (_, index) => `${index}`.padEnd(200, 'x'))
  const poll = await ok(it.createPoll({ poll_questions: long(500), options: most }))
  t.same(poll.options, most)
})

test('an impossible vote is refused, and the answer names the field', async (t) => {
  const { uuid } = await ok(it.createPoll({ poll_questions: 'q', options }))
  const vote = { uuid, userID: 'ann', select_options: 'a' }
  const cases = [
    ['uuid', { ...vote, uuid: '' }],
    ['uuid', { ...vote, uuid: 'not-a-uuid' }],
    ['uuid', { ...vote, uuid: `${uuid}0` }],
    ['userID', { ...vote, userID: '' }],
    ['userID', { ...vote, userID: long(201) }],
    ['userID', { ...vote, userID: 'nul \0' }],
    ['userID', { ...vote, userID: ' ' }],
    ['userID', { ...vote, userID: '\u00a0\u2060' }],
  ] as const
  for (const [field, request] of cases)
    t.match(await it.castVote(request), { status: 'INVALID_ARGUMENT', details: new RegExp(field) })
  t.match(await it.results('x'), { status: 'INVALID_ARGUMENT', details: /uuid/ })
  t.match(await it.closePoll('x'), { status: 'INVALID_ARGUMENT', details: /uuid/ })
})

test('an impossible option has a status, like any other option that the poll does not have', async (t) => {
  const { uuid } = await ok(it.createPoll({ poll_questions: 'q', options }))
  for (const select_options of ['', ' ', '\t', 'c', 'a ', '\u200b'])
    t.match(
      await it.castVote({ uuid, userID: 'ann', select_options }),
      { ok: { status: 'Invalid Option' } },
      JSON.stringify(select_options),
    )
})

test('whatever text a user sends, the vote is counted once or the field is named; the server stays up', async (t) => {
  const { uuid } = await ok(it.createPoll({ poll_questions: 'anything', options }))
  const seen = new Set<string>()
  const text = fc.oneof(
    visibleText(200).map((userID) => ({ userID, valid: true })),
    blankText(200).map((userID) => ({ userID, valid: false })),
    visibleText(200).map((userID) => ({ userID: `${userID}\0`, valid: false })),
    fc.string({ minLength: 201, maxLength: 300 }).map((userID) => ({ userID, valid: false })),
  )
  await fc.assert(
    fc.asyncProperty(text, async ({ userID, valid }) => {
      const answer = await it.castVote({ uuid, userID, select_options: 'a' })
      const expected = !valid ? 'INVALID_ARGUMENT' : seen.has(userID) ? 'duplicate_vote' : 'Vote Successfully!'
      if (valid) seen.add(userID)
      const got = 'ok' in answer ? answer.ok.status : answer.status
      if (got !== expected)
        throw new Error(`${JSON.stringify(userID)}: expected ${expected}, got ${JSON.stringify(answer)}`)
    }),
    { numRuns: 200 },
  )
  t.pass(`${seen.size} different users voted`)
})

test('text that is no UTF-8 is refused, and no two users become one', async (t) => {
  const { uuid } = await ok(it.createPoll({ poll_questions: 'q', options }))
  const field = (number: number, bytes: Buffer) => Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes])
  const vote = (userID: Buffer, option: Buffer) =>
    framed(Buffer.concat([field(1, Buffer.from(uuid)), field(2, userID), field(3, option)]))
  for (const door of ['loader', 'primary'] as const) {
    const raw = session(addressOf(door))
    await fc.assert(
      fc.asyncProperty(noUtf8, async (bytes) => {
        for (const [name, body] of [
          ['userID', vote(bytes, Buffer.from('a'))],
          ['select_options', vote(Buffer.from('ann'), bytes)],
        ] as const) {
          const answer = await raw.post('/polling.VoteService/CastVote', body)
          const says = `${name}: must be valid UTF-8 (definite: nothing was written)`
          if (!('grpcStatus' in answer) || answer.grpcStatus !== '3' || answer.grpcMessage !== says)
            throw new Error(JSON.stringify(answer))
        }
      }),
      { numRuns: 20 },
    )
    raw.close()
  }
  t.match(await it.results(uuid), { ok: { results: { a: 0, b: 0 } } })
})

t.teardown(async () => it.close())
