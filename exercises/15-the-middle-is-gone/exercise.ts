import { z } from 'zod'
import {
  defineExercise,
  type Finding,
  finding,
  holdsVotes,
  isDown,
  isPrimary,
  isStandby,
  type Stage,
} from '../../scripts/lab/exercise/face.ts'
import { untilAlone } from '../a-primary-dies.ts'

const MIDDLE = 'db-replica'
const LAST = 'db-replica-2'
const OPTIONS = ['Monday', 'Friday']
/** Votes from before the middle died, and from after that. */
const BEFORE = { ann: 'Monday', bob: 'Friday' }
const AFTER = { cid: 'Friday', dora: 'Friday' }

export const exercise = defineExercise({
  minutes: 15,
  standbys: 2,
  /** `data`: when the data of the last one came to its disk. */
  notes: z.object({ poll: z.string(), data: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('When shall we release?', OPTIONS)
    await stage.follow(LAST, MIDDLE)
    await stage.voteEverywhere(poll, BEFORE)
    await stage.fault('crash', MIDDLE)
    await stage.vote(poll, AFTER)
    await untilAlone(stage, LAST)
    return { poll, data: await ageOfData(stage) }
  },
  given: (_, { poll }) => [`the poll "When shall we release?"  ${poll}`],
  check: (stage, { poll, data }) =>
    Promise.all([
      isStandby(stage, LAST),
      holdsVotes(stage, LAST, poll, { ...BEFORE, ...AFTER }),
      keptItsData(stage, data),
      isDown(stage, MIDDLE),
      isPrimary(stage, 'db-primary'),
    ]),
  hints: ({ type }) => [
    `zx scripts/status.ts shows who follows whom. What does ${LAST} say about its upstream? See ${type.docker('logs', LAST)}, too.`,
    `${LAST} has the history of db-primary and lacks only its end. It needs somebody else who sends it.`,
    'zx scripts/replication.ts --help: one of its commands changes whom a standby follows.',
    `zx scripts/replication.ts follow ${LAST} db-primary`,
  ],
  solution: (stage) => [
    { does: 'See who follows whom', command: stage.type.verb('status'), looks: true },
    {
      does: 'Whom does it try to reach?',
      command: stage.type.psql(LAST, 'show primary_conninfo'),
    },
    { does: 'Let it follow the primary', command: stage.type.verb('replication', 'follow', LAST, 'db-primary') },
  ],
  tempting: (stage) => {
    const stays = 'db-replica stays down'
    return [
      {
        does: 'restarting the one that gets nothing',
        misses: `${LAST} is a standby that streams`,
        steps: [{ does: 'restart', command: stage.type.docker('restart', LAST) }],
      },
      {
        does: 'a failover, although the primary is healthy',
        misses: 'db-primary is the primary',
        steps: [{ does: 'fail over', command: stage.type.verb('failover', '--to', LAST, '--force') }],
      },
      {
        does: 'bringing back everything that does not follow, also the machine in the workshop',
        misses: stays,
        steps: [{ does: 'rejoin', command: stage.type.verb('rejoin') }],
      },
      {
        does: 'copying it again',
        misses: `${LAST} has kept its data`,
        final: true,
        thorough: true,
        steps: [{ does: 'copy', command: stage.type.verb('rejoin', '--copy') }],
      },
      {
        does: 'starting the machine in the workshop',
        misses: stays,
        thorough: true,
        steps: [{ does: 'start', command: stage.type.docker('start', MIDDLE) }],
      },
      {
        does: 'starting what is down',
        misses: stays,
        thorough: true,
        steps: [{ does: 'set up', command: stage.type.verb('setup') }],
      },
      {
        does: 'making it a primary of its own, for the reports',
        misses: `${LAST} is a standby that streams`,
        thorough: true,
        steps: [{ does: 'promote', command: stage.type.psql(LAST, 'select pg_promote()') }],
      },
      {
        does: 'resetting the lab',
        misses: `${LAST} holds these votes`,
        final: true,
        thorough: true,
        steps: [{ does: 'reset', command: stage.type.verb('reset') }],
      },
    ]
  },
  also: (stage) => [
    {
      does: 'restarting it after it was pointed at the primary',
      steps: [
        { does: 'follow', command: stage.type.verb('replication', 'follow', LAST, 'db-primary') },
        { does: 'restart', command: stage.type.docker('restart', LAST) },
        { does: 'wait', command: 'sleep 3' },
      ],
    },
  ],
})

/** A copy makes all files again. */
const ageOfData = (stage: Stage): Promise<string> => stage.ask(LAST, "select change from pg_stat_file('PG_VERSION')")

const keptItsData = (stage: Stage, data: string): Promise<Finding> =>
  finding(`${LAST} has kept its data: nothing was copied`, stage.type.docker('logs', LAST), async () => {
    const kept = (await ageOfData(stage)) === data
    return { ok: kept, seen: kept ? 'it has' : 'it has other data than before', final: !kept }
  })
