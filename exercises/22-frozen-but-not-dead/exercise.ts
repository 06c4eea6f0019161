import { z } from 'zod'
import {
  answered,
  defineExercise,
  holdsVotes,
  isPair,
  type Stage,
  type Step,
  takesVotes,
} from '../../scripts/lab/exercise/face.ts'

const OPTIONS = ['Tuesday', 'Thursday']
const BEFORE = { zoe: 'Tuesday' }
const ON_THE_OLD = { ann: 'Tuesday', dan: 'Thursday' }
const ON_THE_NEW = { bob: 'Thursday', cid: 'Tuesday' }
const TOLD = 'the vote of everybody who voted on either side'
const ALL = { ...BEFORE, ...ON_THE_OLD, ...ON_THE_NEW }
/** Seconds, before `patience`: a lease and a race. */
const LEASE = 45

export const exercise = defineExercise({
  minutes: 25,
  manager: 'patroni',
  notes: z.object({ poll: z.string() }),
  question: 'Which part of a machine would have restarted it before its lease ended?',
  async setup(stage) {
    const poll = await stage.createPoll('When shall we train?', OPTIONS)
    await stage.voteEverywhere(poll, BEFORE)
    await stage.fault('patroni', 'db-primary')
    await stage.until(
      'db-replica to be promoted',
      async () => {
        const { primaries } = await stage.status()
        return primaries.includes('db-replica') ? { done: undefined } : { seen: `primary: ${primaries.join(' and ')}` }
      },
      LEASE,
    )
    await stage.castOn('db-primary', poll, ON_THE_OLD)
    await stage.castOn('db-replica', poll, ON_THE_NEW)
    return { poll }
  },
  given: (_, { poll }) => [`the poll "When shall we train?"  ${poll}`],
  check: (stage, { poll }, answer) =>
    Promise.all([
      isPair(stage),
      holdsVotes(stage, 'db-replica', poll, ALL, { told: TOLD }),
      holdsVotes(stage, 'db-primary', poll, ALL, { told: TOLD }),
      takesVotes(stage, 'primary', 'backup'),
      answered('you can name the part that was missing', 'docs/managers.md', answer, (text) =>
        /watch\s*-?\s*dog/i.test(text),
      ),
    ]),
  hints: ({ type }) => [
    'zx scripts/status.ts shows both primaries and who has the lease. Compare the table vote on both.',
    'Whatever lets Patroni on db-primary go on makes it rewind its database. Read what only db-primary has before that happens.',
    'zx scripts/rejoin.ts stops the old primary, lists the votes that only it has, keeps them in a file, and makes it a standby. You can cast them again.',
    `The part that was missing: docs/managers.md, "What can go wrong with it". Is there such a device in the container? ${type.docker('exec', 'db-primary')} ls /dev`,
  ],
  solution: (stage, { poll }) => [
    { does: 'See two primaries, and who has the lease', command: stage.type.verb('status'), looks: true },
    {
      does: 'Stop the old primary and make it a standby; rejoin lists the votes that only it had',
      command: stage.type.verb('rejoin'),
    },
    ...castAgain(stage, poll),
    { does: 'Name the part', command: 'echo watchdog', answers: true },
  ],
  tempting: (stage, { poll }) => {
    const rejoin = { does: 'rejoin', command: stage.type.verb('rejoin') }
    const answer = { does: 'answer', command: 'echo "a watchdog"', answers: true } as const
    return [
      {
        does: 'bringing the old one back, and nothing else',
        misses: `db-replica holds ${TOLD}`,
        steps: [rejoin, answer],
      },
      {
        does: 'restarting the machine that hangs: Patroni throws away what only it has',
        misses: `db-replica holds ${TOLD}`,
        steps: [
          { does: 'restart', command: stage.type.docker('restart', 'db-primary') },
          { does: 'wait', command: stage.type.verb('setup') },
          answer,
        ],
      },
      {
        does: 'switching the old one off, and casting its votes again',
        misses: 'the other one streams from it',
        steps: [{ does: 'stop', command: stage.type.docker('stop', 'db-primary') }, ...castAgain(stage, poll), answer],
      },
      {
        does: 'all as it should be, and the wrong part',
        misses: 'you can name the part',
        thorough: true,
        steps: [rejoin, ...castAgain(stage, poll), { does: 'answer', command: 'echo "a third etcd"', answers: true }],
      },
      {
        does: 'casting the votes again, and leaving two primaries',
        misses: 'one database is the primary',
        thorough: true,
        steps: [...castAgain(stage, poll), answer],
      },
      {
        does: 'resetting the lab',
        misses: `db-replica holds ${TOLD}`,
        final: true,
        thorough: true,
        steps: [{ does: 'reset', command: stage.type.verb('reset') }, answer],
      },
    ]
  },
  also: (stage, { poll }) => [
    {
      does: 'reading the votes on both, casting those that are missing, and restarting the machine then',
      steps: [
        {
          does: 'read',
          command: stage.type.psql('db-primary', `select user_id, option from vote where poll_id = '${poll}'`),
        },
        ...castAgain(stage, poll),
        { does: 'restart', command: stage.type.docker('restart', 'db-primary') },
        { does: 'wait', command: stage.type.verb('setup') },
        { does: 'answer', command: 'echo "the hardware watch-dog"', answers: true },
      ],
    },
    {
      does: 'rejoin first, and a switchover at the end',
      thorough: true,
      steps: [
        { does: 'rejoin', command: stage.type.verb('rejoin') },
        ...castAgain(stage, poll),
        { does: 'swap', command: stage.type.verb('switchover') },
        { does: 'answer', command: 'echo Watchdog', answers: true },
      ],
    },
  ],
})

/** Votes that only the old primary had, through the service. */
const castAgain = (stage: Stage, poll: string): readonly Step[] =>
  Object.entries(ON_THE_OLD).map(([user, option]) => ({
    does: `Cast the vote of ${user} again`,
    command: stage.type.verb('poll', 'vote', poll, option, '--user', user),
  }))
