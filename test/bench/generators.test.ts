import { setTimeout as pause } from 'node:timers/promises'
import { t, test } from 'tap'
import { startGenerators } from '../../scripts/lab/bench/load.ts'
import { quantile } from '../../scripts/lab/numbers.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, sql } from '../the-lab.ts'

const generators = startGenerators(2)
const address = addressOf('loader')
const brief = { warmUp: 0.1, seconds: 1 }
const newPoll = async (): Promise<string> => {
  const it = client(address)
  const { uuid } = await ok(it.createPoll({ poll_questions: 'How fast?', options: ['a', 'b'] }))
  it.close()
  return uuid
}
const storedIn = async (poll: string) =>
  Number(await sql('db-primary', `select count(*) from vote where poll_id = '${poll}'`))

test('each kind of load succeeds, and the votes that it counts are those that are stored', async (t) => {
  for (const kind of ['vote', 'bulk', 'mixed'] as const) {
    const poll = await newPoll()
    const work = { kind, poll, voters: 'v', keys: true, batch: 20, reads: 1, of: 2 }
    const { outcomes, answers, allAnswers, votes } = await generators.run({
      address,
      work,
      pace: { callers: 8 },
      ...brief,
    })
    t.strictSame(Object.keys(outcomes), ['ok'], JSON.stringify(outcomes))
    t.ok(answers > 0 && answers <= allAnswers, `${kind}: ${answers} of ${allAnswers} answers count`)
    t.equal(await storedIn(poll), votes, `${kind}: ${votes} votes`)
  }
})

test('calls that end otherwise than well are counted as what they are', async (t) => {
  const poll = '00000000-0000-4000-8000-000000000000'
  const vote = { kind: 'vote', poll, voters: 'v', keys: false } as const
  const unknown = await generators.run({ address, work: vote, pace: { callers: 4 }, ...brief })
  t.strictSame(Object.keys(unknown.outcomes), ['Poll Not Found'])
  t.equal(unknown.answers, 0)
  const nobody = await generators.run({ address: '127.0.0.1:1', work: vote, pace: { callers: 4 }, ...brief })
  for (const outcome of Object.keys(nobody.outcomes)) t.match(outcome, /^UNAVAILABLE/)
  t.equal(nobody.answers, 0)
})

test('at a fixed rate a call that had to wait its turn is late from when it was due', async (t) => {
  const poll = await newPoll()
  const work = { kind: 'vote', poll, voters: 'v', keys: false } as const
  const load = generators.run({ address, work, pace: { perSecond: 100 }, warmUp: 0, seconds: 3 })
  const servers = [containerOf('primary'), containerOf('backup')]
  await pause(500)
  await docker('pause', ...servers)
  await pause(1000)
  await docker('unpause', ...servers)
  const { outcomes, latencies } = await load
  t.strictSame(outcomes, { ok: 300 }, 'as many as were due, none left out while nobody answered')
  t.equal(latencies.length, 300)
  const late = latencies.filter((milliseconds) => milliseconds > 250).length
  t.ok(late >= 50, `${late} calls were late, not only those under way`)
  t.ok(quantile(latencies, 1) >= 900, `the latest by ${quantile(latencies, 1)} ms`)
})

t.teardown(() => generators.stop())
