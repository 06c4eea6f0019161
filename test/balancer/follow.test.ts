import { setTimeout as pause } from 'node:timers/promises'
import { t, test } from 'tap'
import type { PollResultResponse } from '../../proto/gen/polling.ts'
import { followResults } from '../../scripts/lab/service/follow.ts'
import { healthOf } from '../../scripts/lab/service/health.ts'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { follow } from '../live.ts'
import { addressOf, containerOf, docker, patience } from '../the-lab.ts'

const it = client(addressOf('loader'))
const newPoll = async () => (await ok(it.createPoll({ poll_questions: 'Live?', options: ['a', 'b'] }))).uuid
const vote = (uuid: string, userID: string) => ok(it.castVote({ uuid, userID, select_options: 'a' }))

/** Longer than Nginx waits for a server that is silent (provisioning/loader/start.sh: grpc_read_timeout). */
const IDLE_SECONDS = 20 * patience

test('a stream on which nothing happens for longer than the balancer waits stays open', async (t) => {
  const uuid = await newPoll()
  const followings = [follow(t, addressOf('loader'), uuid), follow(t, addressOf('loader'), uuid)]
  await Promise.all(followings.map(({ shows }) => shows({ a: 0 })))
  // The time itself is what is tested.
  await pause(IDLE_SECONDS * 1000)
  for (const { end, messages } of followings) {
    t.equal(end(), undefined)
    t.ok(messages.length >= 3, `${messages.length} times the same`)
  }
  await vote(uuid, 'ann')
  await Promise.all(followings.map(({ shows }) => shows({ a: 1 })))
})

/** Our own client, which reconnects: what it showed and what it said about it. */
function ourFollower(uuid: string) {
  const shown: PollResultResponse[] = []
  const notes: string[] = []
  const ended = (async () => {
    for await (const news of followResults(addressOf('loader'), uuid, patience)) {
      if (news.kind === 'results') shown.push(news.results)
      else notes.push(`${news.kind}: ${news.why}`)
    }
  })()
  const shows = (votes: number) =>
    until(`${votes} votes`, { seconds: 20, patience }, async () => {
      const seen = shown.at(-1)?.results.get('a')
      return seen === votes ? { done: undefined } : { seen: `${seen} ${notes.join()}` }
    })
  return { shown, notes, ended, shows }
}

async function comesBack(): Promise<void> {
  await docker('start', containerOf('backup'))
  await until('backup to serve', { seconds: 30, patience }, async () => {
    const seen = await healthOf(addressOf('backup'), 2 * patience)
    return seen === 'SERVING' ? { done: undefined } : { seen }
  })
  await until('the balancer to use it again', { seconds: 15, patience }, async () => {
    const { servedBy } = await it.listPolls()
    return servedBy === 'backup' ? { done: undefined } : { seen: `an answer from ${servedBy}` }
  })
}

for (const how of ['stop', 'kill'] as const) {
  test(`docker ${how} of a server: its followers go on with the other, and no count goes back`, async (t) => {
    const uuid = await newPoll()
    const followers = Array.from({ length: 4 }, () => ourFollower(uuid))
    const direct = follow(t, addressOf('backup'), uuid)
    await Promise.all([direct.shows({ a: 0 }), ...followers.map(({ shows }) => shows(0))])
    await vote(uuid, 'ann')
    await Promise.all(followers.map(({ shows }) => shows(1)))
    const from = performance.now()
    await docker(how, containerOf('backup'))
    const seconds = (performance.now() - from) / 1000
    if (how === 'stop') {
      t.same(await direct.ended, { status: 'UNAVAILABLE', failure: 'SERVER_STOPPING' })
      t.ok(seconds < 5 * patience, `stopped after ${seconds.toFixed(1)} s: followers do not use up the grace period`)
    }
    await vote(uuid, 'bob')
    await Promise.all(followers.map(({ shows }) => shows(2)))
    t.ok(
      followers.some(({ notes }) => notes.some((note) => note.startsWith('interrupted'))),
      'some were on the server that went away',
    )
    for (const { shown } of followers) {
      const counts = shown.map(({ results }) => results.get('a') ?? 0)
      t.same(counts, [...counts].sort())
    }
    await ok(it.closePoll(uuid))
    await Promise.all(followers.map(({ ended }) => ended))
    await comesBack()
  })
}

t.teardown(async () => it.close())
