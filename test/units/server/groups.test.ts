import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { test } from 'tap'
import type { Receipt } from '../../../server/ballot-box.ts'
import { type Call, endCall, endedWhileWriting, makeCall } from '../../../server/call.ts'
import { fail, isFailure, type Result } from '../../../server/errors.ts'
import { makeGroups } from '../../../server/groups.ts'
import type { Ballot, VoteOutcome } from '../../../server/store/votes.ts'

const ballot = (userId: string): Ballot => ({ pollId: 'p', userId, option: 'a', key: undefined })
const call = () => makeCall(Date.now() + 10_000)
const LIMITS = { groupSize: 4, inFlight: 1, holdBackMs: 60_000, queue: 100 }

type Commit = { users: string[]; call: Call; settle: (result?: Result<Receipt>) => void }

/** Groups over a database that commits when told to; each vote's outcome is recognisable by its user. */
function groupsOf(limits: Partial<typeof LIMITS> = {}) {
  const commits: Commit[] = []
  const groups = makeGroups<Ballot, VoteOutcome>(
    {
      endedMeanwhile: endedWhileWriting,
      transaction: (ballots, shared) =>
        new Promise((resolve) => {
          const users = ballots.map(({ userId }) => userId)
          // As a database does: 'stored' for users that begin with s.
          const outcomes = users.map((user) => (user.startsWith('s') ? ('stored' as const) : ('duplicate' as const)))
          const settle = (result: Result<Receipt> = { value: { outcomes, token: `t${commits.length}` } }) =>
            resolve(result)
          commits.push({ users, call: shared, settle })
        }),
    },
    { ...LIMITS, ...limits },
  )
  return { groups, commits }
}

const nameOf = (result: Result<Receipt>) => (isFailure(result) ? result.failure : result.value.outcomes)

test('calls that arrive together are committed together, and each gets what is its own', async (t) => {
  const { groups, commits } = groupsOf()
  const answers = [['s1'], ['d1', 's2'], ['d2']].map((users) => groups.take(users.map(ballot), call()))
  await turn()
  t.same(
    commits.map(({ users }) => users),
    [['s1', 'd1', 's2', 'd2']],
  )
  commits[0]?.settle()
  t.same((await Promise.all(answers)).map(nameOf), [['stored'], ['duplicate', 'stored'], ['duplicate']])
})

test('a vote that comes alone begins at once; what comes meanwhile gathers until the commit is over', async (t) => {
  const { groups, commits } = groupsOf()
  const first = groups.take([ballot('s0')], call())
  await turn()
  t.equal(commits.length, 1)
  const others = ['s1', 's2', 's3', 's4', 's5'].map((user) => groups.take([ballot(user)], call()))
  await turn()
  t.equal(commits.length, 1, 'nothing more begins')
  t.equal(groups.waiting(), 5)
  commits[0]?.settle()
  await first
  await turn()
  t.same(commits[1]?.users, ['s1', 's2', 's3', 's4'], 'no more than the size of a group')
  commits[1]?.settle()
  await turn()
  await turn()
  commits[2]?.settle()
  t.ok((await Promise.all(others)).every((answer) => !isFailure(answer)))
})

test('a group that takes long does not hold back the next, up to a bound', async (t) => {
  const { groups, commits } = groupsOf({ inFlight: 2, holdBackMs: 20 })
  const answers = [groups.take([ballot('s1')], call())]
  await turn()
  answers.push(groups.take([ballot('s2')], call()))
  await turn()
  t.equal(commits.length, 1, 'at first it does')
  await sleep(40)
  t.equal(commits.length, 2)
  answers.push(groups.take([ballot('s3')], call()))
  await sleep(60)
  t.equal(commits.length, 2, 'no more than the bound')
  commits[1]?.settle()
  await sleep(1)
  t.equal(commits.length, 3)
  for (const { settle } of commits) settle()
  t.ok((await Promise.all(answers)).every((answer) => !isFailure(answer)))
})

test('a full queue is said at once', async (t) => {
  const { groups } = groupsOf({ queue: 2, inFlight: 0 })
  void groups.take([ballot('s1'), ballot('s2')], call())
  t.equal(nameOf(await groups.take([ballot('s3')], call())), 'QUEUE_FULL')
})

test('a call that ends while it gathers leaves, and certainly nothing was written', async (t) => {
  const { groups, commits } = groupsOf()
  const late = call()
  const answers = [groups.take([ballot('s1')], call()), groups.take([ballot('s2')], late)]
  endCall(late, 'deadline')
  t.equal(groups.waiting(), 1)
  await turn()
  t.same(commits[0]?.users, ['s1'])
  commits[0]?.settle()
  t.same((await Promise.all(answers)).map(nameOf), [['stored'], 'DEADLINE_BEFORE_SENDING'])
  t.equal(nameOf(await groups.take([ballot('s3')], late)), 'DEADLINE_BEFORE_SENDING', 'nor may it come back')
})

test('a call that ends in flight is answered as unknown while the others go on; the last one cancels', async (t) => {
  const { groups, commits } = groupsOf()
  const [one, two] = [call(), call()]
  const answers = [groups.take([ballot('s1')], one), groups.take([ballot('s2')], two)]
  await turn()
  endCall(one, 'deadline')
  t.equal(nameOf((await answers[0]) ?? fail('INTERNAL', '')), 'DEADLINE_WHILE_WRITING')
  t.equal(commits[0]?.call.ended, undefined)
  endCall(two, 'cancelled')
  t.equal(nameOf((await answers[1]) ?? fail('INTERNAL', '')), 'CANCELLED')
  t.equal(commits[0]?.call.ended, 'cancelled')
  commits[0]?.settle(fail('CANCELLED', 'cancelled'))
})

test('a group that fails fails each of its calls alike, and the next is not touched', async (t) => {
  const { groups, commits } = groupsOf({ groupSize: 2 })
  const answers = ['s1', 's2', 's3'].map((user) => groups.take([ballot(user)], call()))
  await turn()
  commits[0]?.settle(fail('CONNECTION_LOST', 'gone'))
  await turn()
  await turn()
  commits[1]?.settle()
  t.same((await Promise.all(answers)).map(nameOf), ['CONNECTION_LOST', 'CONNECTION_LOST', ['stored']])
})

test('a defect in committing is answered, and the next group begins', async (t) => {
  let rounds = 0
  const transaction = async () => {
    rounds += 1
    throw new Error('a defect')
  }
  const groups = makeGroups<Ballot, VoteOutcome>({ transaction, endedMeanwhile: endedWhileWriting }, LIMITS)
  t.equal(nameOf(await groups.take([ballot('s1')], call())), 'INTERNAL')
  t.equal(nameOf(await groups.take([ballot('s2')], call())), 'INTERNAL')
  t.equal(rounds, 2)
})

test('whatever arrives, ends and is committed in whatever order: each vote is sent at most once, and answered once', async (t) => {
  type Step = { kind: 'cast'; votes: number } | { kind: 'end'; which: number } | { kind: 'commit' } | { kind: 'turn' }
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('cast' as const), votes: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ kind: fc.constant('end' as const), which: fc.nat(20) }),
      fc.record({ kind: fc.constant('commit' as const) }),
      fc.record({ kind: fc.constant('turn' as const) }),
    ),
    { maxLength: 60 },
  )
  const limits = fc.record({
    groupSize: fc.integer({ min: 1, max: 8 }),
    inFlight: fc.integer({ min: 1, max: 3 }),
    holdBackMs: fc.constantFrom(0, 60_000),
  })
  await fc.assert(
    fc.asyncProperty(steps, limits, async (plan: Step[], bounds) => {
      const { inFlight } = bounds
      const { groups, commits } = groupsOf({ ...bounds, queue: 20 })
      const calls: { call: Call; users: string[]; answer: Promise<Result<Receipt>> }[] = []
      let settled = 0
      for (const step of plan) {
        if (step.kind === 'turn') await turn()
        else if (step.kind === 'end') endCall(calls[step.which]?.call ?? call(), 'deadline')
        else if (step.kind === 'commit' && settled < commits.length) {
          commits[settled]?.settle()
          settled += 1
        } else if (step.kind === 'cast') {
          const users = Array.from({ length: step.votes }, (_, nth) => `${nth % 2 ? 's' : 'd'}${calls.length}-${nth}`)
          const mine = call()
          calls.push({ call: mine, users, answer: groups.take(users.map(ballot), mine) })
        }
        if (commits.length - settled > inFlight) return false
      }
      while (groups.waiting() > 0 || settled < commits.length) {
        commits[settled]?.settle()
        settled += settled < commits.length ? 1 : 0
        await turn()
      }
      const sent = commits.flatMap(({ users }) => users)
      if (new Set(sent).size !== sent.length) return false
      for (const { users, answer } of calls) {
        const result = await answer
        const wasSent = sent.includes(users[0] ?? '')
        if (isFailure(result)) {
          const definite = ['QUEUE_FULL', 'DEADLINE_BEFORE_SENDING'].includes(result.failure)
          if (definite === wasSent) return false
        } else {
          const expected = users.map((user) => (user.startsWith('s') ? 'stored' : 'duplicate'))
          if (!wasSent || result.value.outcomes.join() !== expected.join()) return false
        }
      }
      return true
    }),
    { numRuns: 300 },
  )
  t.pass()
})
