import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import {
  defineExercise,
  type Finding,
  finding,
  hasLevel,
  holdsVotes,
  isPrimary,
  median,
  type Stage,
} from '../../scripts/lab/exercise/face.ts'

const FAR = 'db-replica-2'
const STANDBYS = ['db-replica', FAR, 'db-replica-3'] as const
/** kbit/s of the line: a vote that has to cross it takes more than a second while guests vote, and a third of one without them. */
const RATE = 16
const SLOW_AGAIN = `zx scripts/fault.ts slow db-primary ${FAR} --rate ${RATE} makes it so again`
const OPTIONS = ['Trams', 'Buses']
const VOTES = { ann: 'Trams', bob: 'Buses' }

/** The check casts so many votes, one after the other: the first ones still fit into what the line takes at once. */
const TRIALS = 8
/** Milliseconds for one of them, at most: on a busy machine too, a vote that does not cross the line takes less. */
const FAST_MS = 250

export const exercise = defineExercise({
  minutes: 20,
  standbys: 3,
  // `trial` is a separate poll for the votes that the check casts.
  notes: z.object({ poll: z.string(), trial: z.string() }),
  async setup(stage) {
    const trial = await stage.createPoll('How long does this vote take?', ['Yes', 'No'])
    const poll = await stage.createPoll('What shall the town build?', OPTIONS)
    await stage.voteEverywhere(poll, VOTES)
    await stage.setLevel('on', { kind: 'first', node: FAR })
    await stage.traffic.start(poll, OPTIONS)
    await stage.fault('slow', 'db-primary', { peers: [FAR], options: { rate: RATE } })
    return { poll, trial }
  },
  given: (stage, { poll }) => [
    `the poll "What shall the town build?"  ${poll}`,
    `guests vote in it through the balancer for the next ${stage.traffic.minutes} minutes`,
  ],
  check: async (stage, { poll, trial }) => [
    await votesAreFast(stage, trial),
    ...(await Promise.all([
      hasLevel(stage, 'keeps an acknowledged vote on the disks of two machines', 'on', 'remote_apply'),
      allThere(stage),
      lineIsSlow(stage),
      isPrimary(stage, 'db-primary'),
      holdsVotes(stage, 'db-primary', poll, VOTES),
    ])),
  ],
  hints: ({ type }) => [
    `Which process waits, and for what? Look at wait_event in pg_stat_activity: ${type.session('db-primary')}. Then look at the column sync_state of pg_stat_replication.`,
    'zx scripts/replication.ts says which standbys a commit waits for. Must it be that one?',
    'zx scripts/replication.ts --help: there are two kinds of rules. One has an order, the other takes whoever is the fastest.',
    'zx scripts/replication.ts on --quorum 1',
  ],
  solution: (stage) => [
    { does: 'Which standby does a commit wait for?', command: stage.type.verb('replication') },
    {
      does: 'Wait for the disk of any one standby, the fastest',
      command: stage.type.verb('replication', 'on', '--quorum', '1'),
    },
  ],
  tempting: (stage) => [
    {
      does: 'waiting for no standby',
      misses: 'on the disks of two machines',
      steps: [{ does: 'async', command: stage.type.verb('replication', 'async') }],
    },
    {
      does: 'waiting for all three, so that nothing can be lost',
      misses: `takes less than ${FAST_MS} ms`,
      steps: [{ does: 'three', command: stage.type.verb('replication', 'on', '--quorum', '3') }],
    },
    {
      does: 'switching the slow standby off, so that the next one takes its place',
      misses: 'all three standbys are there',
      steps: [{ does: 'stop', command: stage.type.docker('stop', FAR) }],
    },
    {
      does: 'repairing the line, which only the provider can',
      misses: 'the line to the other town is as slow as before',
      steps: [{ does: 'heal', command: stage.type.verb('fault', 'heal') }],
    },
    {
      does: 'waiting only for the memory of the fastest',
      misses: 'on the disks of two machines',
      thorough: true,
      steps: [{ does: 'remote_write', command: stage.type.verb('replication', 'remote_write', '--quorum', '1') }],
    },
    {
      does: "waiting only for the primary's own disk, by hand",
      misses: 'on the disks of two machines',
      thorough: true,
      steps: [{ does: 'local', command: SET(stage, 'synchronous_commit = local') }],
    },
    {
      does: 'the fastest, for the superuser, and nothing for the servers',
      misses: 'on the disks of two machines',
      thorough: true,
      steps: [
        { does: 'any', command: stage.type.verb('replication', 'on', '--quorum', '1') },
        {
          does: 'local for the servers',
          command: stage.type.psql('db-primary', 'alter role service set synchronous_commit = local'),
        },
      ],
    },
    {
      does: 'a lab without the slow standby',
      misses: 'all three standbys are there',
      thorough: true,
      steps: [{ does: 'remove', command: `LAB_STANDBYS=1 ${stage.type.verb('setup')}` }],
    },
    {
      does: 'making another one the primary',
      misses: 'db-primary is the primary',
      thorough: true,
      steps: [{ does: 'swap', command: stage.type.verb('switchover', 'db-replica') }],
    },
    {
      does: 'resetting the lab',
      misses: 'db-primary holds these votes',
      final: true,
      thorough: true,
      steps: [{ does: 'reset', command: stage.type.verb('reset') }],
    },
  ],
  also: (stage) => [
    {
      does: 'putting a standby in front that stands beside the primary',
      steps: [{ does: 'first', command: stage.type.verb('replication', 'on', '--first', 'db-replica-3') }],
    },
    {
      does: 'any one, by hand, and a standby that is restarted',
      thorough: true,
      steps: [
        { does: 'any', command: SET(stage, "synchronous_standby_names = 'ANY 1 (*)'") },
        { does: 'restart', command: stage.type.docker('restart', FAR) },
        { does: 'wait', command: 'sleep 3' },
      ],
    },
    {
      does: 'the order of the names',
      thorough: true,
      steps: [{ does: 'in order', command: stage.type.verb('replication', 'on') }],
    },
    {
      does: 'two of three, which is even more than was asked for',
      thorough: true,
      steps: [{ does: 'two', command: stage.type.verb('replication', 'on', '--quorum', '2') }],
    },
    {
      does: 'the replay of the fastest',
      thorough: true,
      steps: [{ does: 'replay', command: stage.type.verb('replication', 'remote_apply', '--quorum', '1') }],
    },
  ],
})

const SET = (stage: Stage, setting: string): string =>
  stage.type.psql('db-primary', `alter system set ${setting}`, 'select pg_reload_conf()')

/** Casts votes and takes their time. */
const votesAreFast = (stage: Stage, trial: string): Promise<Finding> =>
  finding(`a vote takes less than ${FAST_MS} ms`, 'the time of zx scripts/poll.ts vote', async () => {
    const times: number[] = []
    for (let nth = 0; nth < TRIALS; nth++) {
      const begun = performance.now()
      const answer = await stage.castOnce('primary', trial, `check-${randomUUID()}`, 'Yes')
      if (answer !== 'Vote Successfully!') return { ok: false, seen: `a vote got ${answer}` }
      times.push(performance.now() - begun)
    }
    const time = median(times)
    return { ok: time < FAST_MS, seen: `${Math.round(time)} ms, the median of ${TRIALS} votes` }
  })

/** The far one may lag, and lose its connection for a moment when much is on its way. So this asks only for its role. */
const allThere = (stage: Stage): Promise<Finding> =>
  finding('all three standbys are there', 'zx scripts/status.ts', async () => {
    const { nodes } = await stage.status()
    const lacking = STANDBYS.filter((name) => nodes.find((node) => node.name === name)?.database?.role !== 'standby')
    return { ok: lacking.length === 0, seen: lacking.length === 0 ? 'they are' : `not ${lacking.join(' and ')}` }
  })

const lineIsSlow = (stage: Stage): Promise<Finding> =>
  finding('the line to the other town is as slow as before', 'zx scripts/fault.ts list', async () => {
    const faults = await stage.faultsOf('db-primary')
    const line = faults.find(({ kind, peer }) => kind === 'slow' && peer === FAR)
    const ok = line?.detail === `${RATE} kbit/s`
    return { ok, seen: line?.detail ?? `it is not slow, but the provider needs until tomorrow: ${SLOW_AGAIN}` }
  })
