import { t, test } from 'tap'
import { client, ok } from '../grpc.ts'
import { addressOf, sql } from '../the-lab.ts'

const servers = [client(addressOf('primary')), client(addressOf('backup'))] as const

test('a poll that votes pour into is closed soon, no vote is taken afterwards, and each that was taken is there', async (t) => {
  const { uuid } = await ok(servers[0].createPoll({ poll_questions: 'Closing?', options: ['a', 'b'] }))
  let stored = 0
  let late = 0
  let closedAt = Number.POSITIVE_INFINITY
  const voter = async (name: string, server: (typeof servers)[number]) => {
    for (let nth = 0; ; nth++) {
      const sentAt = performance.now()
      const { status } = await ok(
        server.castVote({ uuid, userID: `${name}-${nth}`, select_options: 'ab'.charAt(nth % 2) }),
      )
      if (status === 'Poll Closed') return
      t.equal(status, 'Vote Successfully!')
      stored += 1
      if (sentAt > closedAt) late += 1
    }
  }
  const voting = servers.flatMap((server, nth) => Array.from({ length: 24 }, (_, i) => voter(`${nth}-${i}`, server)))
  while (stored < 200) await new Promise((resolve) => setTimeout(resolve, 5))
  t.equal((await ok(servers[1].closePoll(uuid))).status, 'close')
  closedAt = performance.now()
  await Promise.all(voting)
  t.equal(late, 0, 'no vote that was sent after the answer of ClosePoll')
  t.equal(await sql('db-primary', `select count(*) from vote where poll_id = '${uuid}'`), String(stored))
  const { results } = await ok(servers[0].results(uuid))
  t.equal((results['a'] ?? 0) + (results['b'] ?? 0), stored, 'the results are the votes')
})

test('votes for many polls from both servers, with users that vote twice, end with one vote per user and poll', async (t) => {
  const polls = await Promise.all(
    Array.from({ length: 30 }, (_, i) => ok(servers[0].createPoll({ poll_questions: `${i}`, options: ['a', 'b'] }))),
  )
  const votes = polls.flatMap(({ uuid }) =>
    ['ann', 'bob', 'cid', 'ann'].map((userID) => ({ uuid, userID, select_options: 'a' })),
  )
  const answers = await Promise.all(
    servers.flatMap((server, nth) => (nth ? votes.toReversed() : votes).map((vote) => ok(server.castVote(vote)))),
  )
  t.equal(answers.filter(({ status }) => status === 'Vote Successfully!').length, polls.length * 3)
  t.equal(answers.filter(({ status }) => status === 'duplicate_vote').length, polls.length * 5)
  for (const { uuid } of polls) t.match(await servers[0].results(uuid), { ok: { results: { a: 3, b: 0 } } })
})

t.teardown(async () => {
  for (const server of servers) server.close()
})
