// Batches of votes against a model of the contract: what each vote is answered, one after the other.
import { credentials } from '@grpc/grpc-js'
import fc from 'fast-check'
import { test } from 'tap'
import { type BulkVote, type CastVotesResponse, VoteServiceClient } from '../../proto/gen/polling.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, sql } from '../the-lab.ts'

const UNKNOWN = '00000000-0000-4000-8000-000000000000'
const it = client(addressOf('loader'))

type Choice = { poll: 'first' | 'second' | 'closed' | 'unknown'; user: number; option: 'a' | 'b' | 'c'; keyed: boolean }

const votes = fc.array(
  fc.record({
    poll: fc.constantFrom('first', 'first', 'second', 'closed', 'unknown' as const),
    user: fc.integer({ min: 1, max: 6 }),
    option: fc.constantFrom('a', 'a', 'b', 'c' as const),
    keyed: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40 },
)

/** What the contract says of votes that come one after the other, and what is stored in the end. */
function modelOf(batches: BulkVote[][], closed: string) {
  const stored = new Map<string, BulkVote>()
  const answers = batches.map((batch) =>
    batch.map((vote) => {
      if (vote.uuid === UNKNOWN) return 'Poll Not Found'
      if (vote.uuid === closed) return 'Poll Closed'
      if (vote.select_options === 'c') return 'Invalid Option'
      const place = `${vote.uuid} ${vote.userID}`
      const first = stored.get(place)
      if (first) {
        const same = vote.idempotency_key !== '' && vote.idempotency_key === first.idempotency_key
        return same ? 'Vote Successfully!' : 'duplicate_vote'
      }
      stored.set(place, vote)
      return 'Vote Successfully!'
    }),
  )
  return { answers, stored: [...stored.values()] }
}

test('whatever is in a batch: each vote is answered as if it came by itself, and the results are what was stored', async (t) => {
  const service = new VoteServiceClient(addressOf('loader'), credentials.createInsecure())
  const newPoll = async () => (await ok(it.createPoll({ poll_questions: 'Model?', options: ['a', 'b'] }))).uuid
  const closed = await newPoll()
  await ok(it.closePoll(closed))
  await fc.assert(
    fc.asyncProperty(fc.array(votes, { minLength: 1, maxLength: 3 }), async (plan: Choice[][]) => {
      const polls = { first: await newPoll(), second: await newPoll(), closed, unknown: UNKNOWN }
      const batches = plan.map((batch) =>
        batch.map(({ poll, user, option, keyed }): BulkVote => {
          const key = keyed ? `${polls[poll]} ${user} ${option}` : ''
          return { uuid: polls[poll], userID: `user ${user}`, select_options: option, idempotency_key: key }
        }),
      )
      const model = modelOf(batches, closed)
      const stream = service.castVotes()
      let token = ''
      for (const [nth, batch] of batches.entries()) {
        const answered = new Promise<CastVotesResponse>((resolve, reject) => {
          stream.once('data', resolve)
          stream.once('error', reject)
        })
        stream.write({ batch: nth, votes: batch })
        const { results, consistency_token } = await answered
        token = consistency_token
        const got = results.map(({ status, failure }) => status ?? failure?.message)
        if (JSON.stringify(got) !== JSON.stringify(model.answers[nth]))
          throw new Error(`expected ${model.answers[nth]}\ngot      ${got}`)
      }
      stream.end()
      for (const uuid of [polls.first, polls.second]) {
        const expected = (option: string) =>
          model.stored.filter((vote) => vote.uuid === uuid && vote.select_options === option).length
        const { results } = await ok(it.results(uuid, { token }))
        const rows = await sql('db-primary', `select option from vote where poll_id = '${uuid}'`)
        const counted = rows.split('\n').filter((row) => row !== '').length
        if (results['a'] !== expected('a') || results['b'] !== expected('b')) throw new Error(JSON.stringify(results))
        if (counted !== expected('a') + expected('b')) throw new Error(`${counted} rows`)
      }
    }),
    { numRuns: 25 },
  )
  service.close()
  it.close()
  t.pass()
})
