import { randomUUID } from 'node:crypto'
import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, patience } from '../the-lab.ts'

// The whole contract holds through the balancer and at each server by itself.
for (const name of ['loader', 'primary', 'backup'] as const) {
  const it = client(addressOf(name))

  test(`${name}: a poll is created open, with its options in order and a time`, async (t) => {
    const poll = await ok(it.createPoll({ poll_questions: 'Tea or coffee?', options: ['Tea', 'Coffee', 'Neither'] }))
    t.match(poll.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/)
    t.equal(poll.poll_questions, 'Tea or coffee?')
    t.same(poll.options, ['Tea', 'Coffee', 'Neither'])
    t.equal(poll.status, 'open')
    const age = Date.now() - Date.parse(poll.create_at_time)
    t.ok(Math.abs(age) < 60_000, `created ${age} ms ago`)
  })

  test(`${name}: polls are listed newest first`, async (t) => {
    const uuids: string[] = []
    for (const number of [1, 2, 3])
      uuids.unshift((await ok(it.createPoll({ poll_questions: `Number ${number}`, options: ['a', 'b'] }))).uuid)
    // The list comes from the server's own database, which may be a moment behind.
    const seen = await until('the three polls in the list', { seconds: 5, patience }, async () => {
      const { polls } = await ok(it.listPolls())
      const ours = polls.map(({ uuid }) => uuid).filter((uuid) => uuids.includes(uuid))
      return ours.length === 3 ? { done: ours } : { seen: `${ours.length} of them` }
    })
    t.same(seen, uuids)
  })

  test(`${name}: every status of CastVote is answered as the contract spells it`, async (t) => {
    const { uuid } = await ok(it.createPoll({ poll_questions: 'Which?', options: ['a', 'b'] }))
    const vote = async (uuid: string, userID: string, select_options: string) =>
      (await ok(it.castVote({ uuid, userID, select_options }))).status
    t.equal(await vote(uuid, 'ann', 'a'), 'Vote Successfully!')
    t.equal(await vote(uuid, 'ann', 'a'), 'duplicate_vote')
    t.equal(await vote(uuid, 'ann', 'b'), 'duplicate_vote', 'another option is still the same user')
    t.equal(await vote(uuid, 'bob', 'c'), 'Invalid Option')
    t.equal(await vote(randomUUID(), 'bob', 'a'), 'Poll Not Found')
    t.equal((await ok(it.closePoll(uuid))).status, 'close')
    t.equal(await vote(uuid, 'bob', 'a'), 'Poll Closed')
  })

  test(`${name}: results hold every option, those without votes too, and nothing twice`, async (t) => {
    const { uuid } = await ok(it.createPoll({ poll_questions: 'Which?', options: ['x', 'y', 'z'] }))
    for (const [user, option] of [
      ['u1', 'x'],
      ['u2', 'z'],
      ['u3', 'x'],
      ['u3', 'z'],
    ] as const)
      await ok(it.castVote({ uuid, userID: user, select_options: option }))
    const results = await until('three votes in the results', { seconds: 5, patience }, async () => {
      const got = await ok(it.results(uuid))
      const total = Object.values(got.results).reduce((sum, votes) => sum + votes, 0)
      return total >= 3 ? { done: got } : { seen: `${total}` }
    })
    t.same(results, { uuid, poll_questions: 'Which?', results: { x: 2, y: 0, z: 1 } })
  })

  test(`${name}: closing twice answers the same, and an unknown poll is NOT_FOUND`, async (t) => {
    const { uuid } = await ok(it.createPoll({ poll_questions: 'Close me', options: ['a', 'b'] }))
    const first = await ok(it.closePoll(uuid))
    t.same(await ok(it.closePoll(uuid)), first)
    t.match(await it.closePoll(randomUUID()), { status: 'NOT_FOUND' })
    t.match(await it.results(randomUUID()), { status: 'NOT_FOUND' })
  })

  test(`${name}: a poll can be read as soon as it is created, on either server`, async (t) => {
    for (let round = 0; round < 20; round++) {
      const { uuid } = await ok(it.createPoll({ poll_questions: `Round ${round}`, options: ['a', 'b'] }))
      t.match(await it.results(uuid), { ok: { uuid, results: { a: 0, b: 0 } } })
    }
  })

  test(`${name}: done`, async () => it.close())
}

test('whoever asks for results after a vote sees that vote, however many ask at the same time', async (t) => {
  const it = client(addressOf('primary'))
  t.teardown(it.close)
  const polls = await Promise.all(
    ['First?', 'Second?'].map((poll_questions) => ok(it.createPoll({ poll_questions, options: ['a', 'b'] }))),
  )
  const acknowledged = new Map(polls.map(({ uuid }) => [uuid, 0]))
  const voters = Array.from({ length: 40 }, async (_, index) => {
    const uuid = polls[index % 2]?.uuid ?? ''
    for (let vote = 1; vote <= 10; vote++) {
      await ok(it.castVote({ uuid, userID: `${index}-${vote}`, select_options: 'a' }))
      const least = (acknowledged.get(uuid) ?? 0) + 1
      acknowledged.set(uuid, least)
      const { results, ...poll } = await ok(it.results(uuid.toUpperCase()))
      if ((results['a'] ?? 0) < least || poll.uuid !== uuid)
        return `${least} votes of ${uuid} were acknowledged, seen: ${JSON.stringify({ ...poll, results })}`
    }
    return undefined
  })
  t.strictSame(
    (await Promise.all(voters)).filter((wrong) => wrong !== undefined),
    [],
  )
  t.match(await it.results(randomUUID()), { status: 'NOT_FOUND' })
})
