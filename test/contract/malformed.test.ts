import fc from 'fast-check'
import { test } from 'tap'
import { client, ok } from '../grpc.ts'
import { addressOf } from '../the-lab.ts'

const it = client(addressOf('loader'))
const options = ['a', 'b']
const long = (bytes: number) => 'x'.repeat(bytes)

test('a poll that cannot be is refused, and the answer names the field', async (t) => {
  const cases = {
    poll_questions: [
      { poll_questions: '', options },
      { poll_questions: long(501), options },
      { poll_questions: 'nul \0 character', options },
    ],
    options: [
      { poll_questions: 'q', options: [] },
      { poll_questions: 'q', options: ['only one'] },
      { poll_questions: 'q', options: ['same', 'same'] },
      { poll_questions: 'q', options: ['a', ''] },
      { poll_questions: 'q', options: ['a', long(201)] },
      { poll_questions: 'q', options: Array.from({ length: 51 }, (_, index) => `${index}`) },
      { poll_questions: 'q', options: ['a', 'nul \0'] },
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

test('a vote that cannot be is refused, and the answer names the field', async (t) => {
  const { uuid } = await ok(it.createPoll({ poll_questions: 'q', options }))
  const vote = { uuid, userID: 'ann', select_options: 'a' }
  const cases = [
    ['uuid', { ...vote, uuid: '' }],
    ['uuid', { ...vote, uuid: 'not-a-uuid' }],
    ['uuid', { ...vote, uuid: `${uuid}0` }],
    ['userID', { ...vote, userID: '' }],
    ['userID', { ...vote, userID: long(201) }],
    ['userID', { ...vote, userID: 'nul \0' }],
  ] as const
  for (const [field, request] of cases)
    t.match(await it.castVote(request), { status: 'INVALID_ARGUMENT', details: new RegExp(field) })
  t.match(await it.results('x'), { status: 'INVALID_ARGUMENT', details: /uuid/ })
  t.match(await it.closePoll('x'), { status: 'INVALID_ARGUMENT', details: /uuid/ })
})

test('whatever text a user sends, the vote is counted once or the field is named; the server stays up', async (t) => {
  const { uuid } = await ok(it.createPoll({ poll_questions: 'anything', options }))
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 250 }), async (userID) => {
      // Lone surrogates have no UTF-8 form: what arrives is the replacement character.
      const arrives = Buffer.from(userID).toString()
      const bytes = Buffer.byteLength(arrives)
      const answer = await it.castVote({ uuid, userID, select_options: 'a' })
      const valid = bytes >= 1 && bytes <= 200 && !arrives.includes('\0')
      const expected = !valid ? 'INVALID_ARGUMENT' : seen.has(arrives) ? 'duplicate_vote' : 'Vote Successfully!'
      if (valid) seen.add(arrives)
      const got = 'ok' in answer ? answer.ok.status : answer.status
      if (got !== expected)
        throw new Error(`${JSON.stringify(userID)}: expected ${expected}, got ${JSON.stringify(answer)}`)
    }),
    { numRuns: 200 },
  )
  t.pass(`${seen.size} different users voted`)
})

test('done', async () => it.close())
