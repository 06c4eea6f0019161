import { test } from 'tap'
import { until } from '../../../scripts/lab/wait.ts'
import { makeCall } from '../../../server/call.ts'
import type { Cluster } from '../../../server/cluster/cluster.ts'
import type { Database } from '../../../server/cluster/pool.ts'
import { type Failure, fail, isFailure, type Result } from '../../../server/errors.ts'
import { type Counts, changeOf } from '../../../server/live/counts.ts'
import { makeLiveResults } from '../../../server/live/live-results.ts'
import type { Reader } from '../../../server/reader.ts'
import type { LiveTally } from '../../../server/store/live-tallies.ts'

const counts = (votes: number[], more: Partial<Counts> = {}): Counts => ({
  votes,
  closed: false,
  seenUpTo: { timeline: 1, lsn: 100n },
  ...more,
})

test('votes only come: more is forward, less is back, whatever else changed', async (t) => {
  t.equal(changeOf(counts([1, 2]), counts([1, 2])), 'none')
  t.equal(changeOf(counts([1, 2]), counts([1, 3])), 'forward')
  t.equal(changeOf(counts([1, 2]), counts([5, 1])), 'back')
  t.equal(changeOf(counts([1, 2]), counts([1, 2], { closed: true })), 'forward')
  t.equal(changeOf(counts([1], { closed: true }), counts([1])), 'back')
})

type State = { votes: number[]; closed: boolean; position: string; history: string[] } | 'down'

/** Live results over a database that stands as the test says. */
function liveOver(first: State, mostFollowers?: number) {
  const now = { state: first, looks: 0, refreshes: 0, missing: false }
  const answer = (statement: string): Result<unknown[]> => {
    const { state } = now
    if (state === 'down') return fail('READ_INTERRUPTED', 'down')
    if (statement === 'select_standing') return { value: [{ position: state.position, history: state.history }] }
    now.looks += 1
    const { votes, closed, position } = state
    return {
      value: now.missing ? [] : [{ id: 'p', question: 'q', options: ['a', 'b'], votes, closed, seenUpTo: position }],
    }
  }
  const database = { name: 'db', read: async ({ name }: { name: string }) => answer(name) } as unknown as Database
  const cluster = {
    readable: () => (now.state === 'down' ? undefined : database),
    view: {
      refresh: async () => {
        now.refreshes += 1
      },
    },
  } as unknown as Cluster
  const reader = {
    liveTally: async (): Promise<Result<LiveTally | undefined>> => {
      const { state } = now
      if (state === 'down') return fail('NO_READABLE_DATABASE', 'down')
      if (now.missing) return { value: undefined }
      const [timeline = '', lsn = ''] = state.position.split('-0/')
      const seenUpTo = { timeline: Number(timeline), lsn: BigInt(`0x${lsn}`) }
      return {
        value: {
          id: 'p',
          question: 'q',
          options: ['a', 'b'],
          counts: { votes: state.votes, closed: state.closed, seenUpTo },
        },
      }
    },
  } as unknown as Reader
  return { live: makeLiveResults(cluster, reader, mostFollowers), now }
}

/** Follows; what was shown, and how it ended. */
async function follow({ live }: ReturnType<typeof liveOver>) {
  const shown: number[][] = []
  const ended: (Failure | 'well')[] = []
  const joined = await live.follow('p', undefined, makeCall(Date.now() + 1000), {
    show: ({ counts }) => void shown.push(counts.votes),
    end: (failure) => void ended.push(failure ?? 'well'),
  })
  return { shown, ended, joined, leave: isFailure(joined) ? () => {} : joined.value }
}

const looked = (over: ReturnType<typeof liveOver>) => {
  const from = over.now.looks
  return until('two more looks', { seconds: 10, patience: 1 }, async () =>
    over.now.looks >= from + 2 ? { done: undefined } : { seen: `${over.now.looks - from}` },
  )
}
const state = (votes: number[], position = '1-0/100', history: string[] = []) => ({
  votes,
  closed: false,
  position,
  history,
})

test('the first counts are shown at once, each change once, and the last when the poll is closed', async (t) => {
  const over = liveOver(state([0, 0]))
  const { shown, ended, leave } = await follow(over)
  t.same(shown, [[0, 0]])
  await looked(over)
  over.now.state = state([1, 0])
  await looked(over)
  over.now.state = { ...state([1, 2]), closed: true }
  await until('the end', { seconds: 10, patience: 1 }, async () => (ended.length ? { done: 0 } : { seen: 'none' }))
  t.same(shown, [
    [0, 0],
    [1, 0],
    [1, 2],
  ])
  t.same(ended, ['well'])
  leave()
  t.equal(over.live.followers(), 0)
})

test('the databases are looked at once for all who follow, and not at all for nobody', async (t) => {
  const over = liveOver(state([0, 0]))
  const followers = await Promise.all([follow(over), follow(over), follow(over)])
  await looked(over)
  over.now.state = state([1, 0])
  await looked(over)
  for (const { shown } of followers)
    t.same(shown, [
      [0, 0],
      [1, 0],
    ])
  for (const { leave } of followers) leave()
  const { looks } = over.now
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.ok(over.now.looks <= looks + 1, 'at most the look that was under way')
})

test('counts of a database that lags are not shown; when it has caught up, they are', async (t) => {
  const over = liveOver(state([5, 0], '1-0/200'))
  const { shown, ended, leave } = await follow(over)
  over.now.state = state([3, 0], '1-0/150')
  await looked(over)
  over.now.missing = true
  await looked(over)
  over.now.missing = false
  over.now.state = state([6, 0], '1-0/250')
  await looked(over)
  t.same(shown, [
    [5, 0],
    [6, 0],
  ])
  t.same(ended, [])
  leave()
})

test('no database for a while changes nothing; votes that a failover lost end the stream and say so', async (t) => {
  const over = liveOver(state([5, 0], '1-0/200'))
  const { shown, ended, leave } = await follow(over)
  over.now.state = 'down'
  await until('two looks for another database', { seconds: 10, patience: 1 }, async () =>
    over.now.refreshes >= 2 ? { done: undefined } : { seen: `${over.now.refreshes}` },
  )
  t.same(ended, [])
  over.now.state = state([4, 0], '2-0/300', ['1-0/180'])
  await until('the end', { seconds: 10, patience: 1 }, async () => (ended.length ? { done: 0 } : { seen: 'none' }))
  t.match(ended, [{ failure: 'VOTES_LOST' }])
  t.same(shown, [[5, 0]])
  leave()
  const again = await follow(over)
  t.same(again.shown, [[4, 0]])
  again.leave()
})

test('a failover that kept what was shown is not noticed, though history was lost', async (t) => {
  const over = liveOver(state([5, 0], '1-0/200'))
  const { shown, ended, leave } = await follow(over)
  over.now.state = state([5, 1], '2-0/300', ['1-0/180'])
  await looked(over)
  t.same(shown, [
    [5, 0],
    [5, 1],
  ])
  t.same(ended, [])
  leave()
})

test('a poll that is gone for good ends its followers', async (t) => {
  const over = liveOver(state([0, 0]))
  const { ended, leave } = await follow(over)
  over.now.missing = true
  await until('the end', { seconds: 10, patience: 1 }, async () => (ended.length ? { done: 0 } : { seen: 'none' }))
  t.match(ended, [{ failure: 'POLL_NOT_FOUND' }])
  leave()
  t.match((await follow(over)).joined, { failure: 'POLL_NOT_FOUND' })
  t.equal(over.live.followers(), 0)
})

test('no more followers than allowed; one who leaves makes room', async (t) => {
  const over = liveOver(state([0, 0]), 2)
  const [one, two] = [await follow(over), await follow(over)]
  t.match((await follow(over)).joined, { failure: 'TOO_MANY_FOLLOWERS' })
  one.leave()
  one.leave()
  t.equal(over.live.followers(), 1, 'leaving twice is leaving once')
  const three = await follow(over)
  t.notOk(isFailure(three.joined))
  two.leave()
  three.leave()
})

test('a server that stops ends every follower at once, and takes no more', async (t) => {
  const over = liveOver(state([0, 0]))
  const { ended, leave } = await follow(over)
  over.live.stop()
  t.match(ended, [{ failure: 'SERVER_STOPPING' }])
  leave()
  t.match((await follow(over)).joined, { failure: 'SERVER_STOPPING' })
})
