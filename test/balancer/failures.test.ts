import { test } from 'tap'
import type { VoteResponse } from '../../proto/gen/polling.ts'
import { healthOf } from '../../scripts/lab/service/health.ts'
import { until } from '../../scripts/lab/wait.ts'
import { type Answer, client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, patience, sql } from '../the-lab.ts'

type Vote = {
  readonly voter: string
  readonly startedAt: number
  readonly endedAt: number
  readonly answer: Answer<VoteResponse>
}

/** Eight callers, each voting without pause until told to stop; every answer is kept. */
async function voters(uuid: string) {
  const it = client(addressOf('loader'))
  const votes: Vote[] = []
  let going = true
  const callers = Array.from({ length: 8 }, async (_, caller) => {
    for (let number = 0; going; number++) {
      const voter = `${caller}-${number}`
      const startedAt = performance.now()
      const answer = await it.castVote({ uuid, userID: voter, select_options: 'a' })
      votes.push({ voter, startedAt, endedAt: performance.now(), answer })
    }
  })
  const enough = (count: number) => {
    const from = votes.length
    return until(`${count} more votes`, { seconds: 20, patience }, async () =>
      votes.length >= from + count ? { done: undefined } : { seen: `${votes.length - from}` },
    )
  }
  const stop = async (): Promise<readonly Vote[]> => {
    going = false
    await Promise.all(callers)
    it.close()
    return votes
  }
  return { enough, stop }
}

// A server that dies between the headers of its answer and the end of it leaves Nginx no way but to reset the stream,
// which gRPC calls INTERNAL.
const OUTCOME_OF_A_DEATH = { status: /^(UNAVAILABLE|INTERNAL)$/, details: /no server answered|RST_STREAM/ }

const failuresOf = (votes: readonly Vote[]) =>
  votes.filter(({ answer }) => !('ok' in answer && answer.ok.status === 'Vote Successfully!'))

async function newPoll(): Promise<string> {
  const it = client(addressOf('loader'))
  const { uuid } = await ok(it.createPoll({ poll_questions: 'Who dies?', options: ['a', 'b'] }))
  it.close()
  return uuid
}

async function comesBack(name: 'primary' | 'backup'): Promise<void> {
  await until(`${name} to serve`, { seconds: 30, patience }, async () => {
    const seen = await healthOf(addressOf(name), 2 * patience)
    return seen === 'SERVING' ? { done: undefined } : { seen }
  })
  const it = client(addressOf('loader'))
  await until(`the balancer to use ${name} again`, { seconds: 15, patience }, async () => {
    const { servedBy } = await it.listPolls()
    return servedBy === name ? { done: undefined } : { seen: `an answer from ${servedBy}` }
  })
  it.close()
}

for (const name of ['primary', 'backup'] as const) {
  test(`${name} killed under load fails only calls that were in flight; every acknowledged vote is stored`, async (t) => {
    const uuid = await newPoll()
    const load = await voters(uuid)
    await load.enough(200)
    const killedFrom = performance.now()
    await docker('kill', containerOf(name))
    const killedBy = performance.now()
    await load.enough(200)
    const votes = await load.stop()
    await docker('start', containerOf(name))
    await comesBack(name)

    const failures = failuresOf(votes)
    t.ok(failures.length <= 8, `${failures.length} of ${votes.length} failed, with 8 callers`)
    for (const { answer, startedAt, endedAt } of failures) {
      t.match(answer, OUTCOME_OF_A_DEATH)
      t.ok(startedAt < killedBy && endedAt > killedFrom, 'it was in flight when the server died')
    }
    const stored = new Set((await sql('db-primary', `select user_id from vote where poll_id = '${uuid}'`)).split('\n'))
    const lost = votes.filter(({ voter, answer }) => 'ok' in answer && !stored.has(voter))
    t.strictSame(lost, [], 'no acknowledged vote is missing')
  })
}

test('a server that comes back is used again, also after both were away', async (t) => {
  await docker('kill', containerOf('primary'), containerOf('backup'))
  const it = client(addressOf('loader'))
  t.teardown(() => it.close())
  const refused = await it.listPolls()
  t.match(refused, { status: 'UNAVAILABLE', details: /no server answered/ }, 'and says so while nobody is there')
  await docker('start', containerOf('primary'), containerOf('backup'))
  await comesBack('primary')
  await comesBack('backup')
})

test('a server stopped in order under load ends in time, fails no call, and takes up its work again', async (t) => {
  const uuid = await newPoll()
  const load = await voters(uuid)
  await load.enough(100)
  const from = performance.now()
  await docker('stop', containerOf('backup'))
  const seconds = (performance.now() - from) / 1000
  t.ok(seconds < 10 * patience, `stopped after ${seconds.toFixed(1)} s`)
  const exit = await docker('inspect', '-f', '{{.State.ExitCode}}', containerOf('backup'))
  t.equal(exit, '0', 'it ended by itself and was not killed')
  await load.enough(100)
  const votes = await load.stop()
  await docker('start', containerOf('backup'))
  await comesBack('backup')
  t.strictSame(failuresOf(votes), [], `of ${votes.length} votes none failed`)
})

test('an answered call is in the balancer log with the server that answered it', async (t) => {
  const it = client(addressOf('loader'))
  const { servedBy } = await it.results('00000000-0000-4000-8000-000000000000')
  it.close()
  const line = await until('the call in the log', { seconds: 5, patience }, async () => {
    const log = await docker('logs', '--tail', '50', containerOf('loader'))
    const found = log.split('\n').find((it) => it.includes('/GetPollResults') && it.includes('"grpc_status":"5"'))
    if (found !== undefined) return { done: found }
    return { seen: log.split('\n').at(-1) ?? '' }
  })
  t.match(JSON.parse(line), { upstream: servedBy, http_status: 200, request_id: /^[0-9a-f]{32}$/ })
})
