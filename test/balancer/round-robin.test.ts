import { test } from 'tap'
import { client, ok } from '../grpc.ts'
import { addressOf, sql } from '../the-lab.ts'

test('votes through the balancer are spread evenly over both servers, and every one is stored', async (t) => {
  const it = client(addressOf('loader'))
  t.teardown(() => it.close())
  const { uuid } = await ok(it.createPoll({ poll_questions: 'Spread?', options: ['a', 'b'] }))
  const servedBy: Record<string, number> = { primary: 0, backup: 0 }
  for (let voter = 0; voter < 200; voter++) {
    const answer = await it.castVote({ uuid, userID: `voter-${voter}`, select_options: voter % 2 ? 'a' : 'b' })
    t.match(answer, { ok: { status: 'Vote Successfully!' } })
    servedBy[answer.servedBy] = (servedBy[answer.servedBy] ?? 0) + 1
  }
  t.strictSame(Object.keys(servedBy).sort(), ['backup', 'primary'])
  t.ok(Math.abs((servedBy['primary'] ?? 0) - 100) <= 10, JSON.stringify(servedBy))
  t.equal(await sql('db-primary', `select count(*) from vote where poll_id = '${uuid}'`), '200')
})

test('many at once are spread evenly too', async (t) => {
  const it = client(addressOf('loader'))
  t.teardown(() => it.close())
  const { uuid } = await ok(it.createPoll({ poll_questions: 'At once?', options: ['a', 'b'] }))
  const answers = await Promise.all(
    Array.from({ length: 400 }, (_, voter) => it.castVote({ uuid, userID: `voter-${voter}`, select_options: 'a' })),
  )
  const failures = answers.filter((answer) => !('ok' in answer))
  t.strictSame(failures, [])
  const primary = answers.filter(({ servedBy }) => servedBy === 'primary').length
  t.ok(Math.abs(primary - 200) <= 40, `${primary} of 400 went to primary`)
})
