import { z } from 'zod'
import {
  defineExercise,
  type Finding,
  finding,
  holdsVotes,
  isPair,
  type Stage,
  type Step,
  takesVotes,
} from '../../scripts/lab/exercise/face.ts'

const OPTIONS = ['Otters', 'Badgers']
const BEFORE = { zoe: 'Otters' }
const ON_THE_OLD = { ann: 'Otters', bob: 'Otters', dan: 'Badgers' }
const ON_THE_NEW = { bob: 'Badgers', cid: 'Badgers' }
const TOLD = 'the vote of everybody who voted on either side, as the company decided'
/** One vote of everybody. If somebody voted on both sides, it is the vote that the results page has shown. */
const REPAIRED = { ...BEFORE, ...ON_THE_OLD, ...ON_THE_NEW }

export const exercise = defineExercise({
  minutes: 25,
  notes: z.object({ poll: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('The name of the team?', OPTIONS)
    await stage.voteEverywhere(poll, BEFORE)
    await stage.fault('isolate', 'db-replica', { peers: ['db-primary'] })
    await stage.castOn('db-primary', poll, ON_THE_OLD)
    await stage.change('db-replica', 'select pg_promote()')
    await stage.castOn('db-replica', poll, ON_THE_NEW)
    await stage.heal('isolate')
    // Otherwise it would list its standby for some seconds more.
    await stage.change('db-primary', 'select pg_terminate_backend(pid) from pg_stat_replication')
    await stage.until('db-primary to have no standby', async () => {
      const standbys = await stage.ask('db-primary', 'select count(*) from pg_stat_replication')
      return standbys === '0' ? { done: undefined } : { seen: `${standbys} of them` }
    })
    return { poll }
  },
  given: (_, { poll }) => [`the poll "The name of the team?"  ${poll}`],
  check: (stage, { poll }) =>
    Promise.all([
      isPair(stage),
      holdsVotes(stage, 'db-replica', poll, REPAIRED, { told: TOLD }),
      holdsVotes(stage, 'db-primary', poll, REPAIRED, { told: TOLD }),
      counts(stage, poll),
      takesVotes(stage, 'primary', 'backup'),
    ]),
  hints: () => [
    'Which primary is the newer one? status shows their timelines. Which one do the servers write to?',
    'Compare the table vote on both. Who voted only on the old primary, who only on the new one, and who on both, with different votes?',
    'zx scripts/rejoin.ts makes the old primary a standby. It lists the votes that only the old primary had, keeps them in a file, and drops them.',
    'You can cast the listed votes again, through the service. A voter who has a vote on the new primary keeps that vote.',
  ],
  solution: (stage, { poll }) => [
    { does: 'See two primaries, on two timelines', command: stage.type.verb('status'), looks: true },
    ...(['db-primary', 'db-replica'] as const).map((node) => ({
      does: `See the votes on ${node}`,
      command: stage.type.psql(
        node,
        `select user_id, options[option] from vote join poll on id = poll_id where id = '${poll}' order by 1`,
      ),
    })),
    {
      does: 'Keep the newer primary. The older one becomes its standby, and rejoin lists the votes that only the older one had',
      command: stage.type.verb('rejoin'),
    },
    ...castAgain(stage, poll, 'ann', 'dan'),
  ],
  tempting: (stage, { poll }) => {
    const rejoin = { does: 'rejoin', command: stage.type.verb('rejoin') }
    return [
      {
        does: 'bringing the old primary back, and nothing else',
        misses: 'db-replica holds the vote of everybody',
        steps: [rejoin],
      },
      {
        does: "keeping bob's vote of the old primary, which nobody has seen",
        misses: 'db-replica holds the vote of everybody',
        steps: [
          rejoin,
          ...castAgain(stage, poll, 'ann', 'dan'),
          { does: 'bob', command: stage.type.psql('db-replica', "update vote set option = 1 where user_id = 'bob'") },
        ],
      },
      {
        does: 'casting one of two votes again',
        misses: 'db-replica holds the vote of everybody',
        thorough: true,
        steps: [rejoin, ...castAgain(stage, poll, 'ann')],
      },
      {
        does: 'casting the votes again, and leaving two primaries',
        misses: 'one database is the primary',
        thorough: true,
        steps: castAgain(stage, poll, 'ann', 'dan'),
      },
      {
        does: 'all as it should be, and cutting the link a moment later',
        misses: 'the other one streams from it',
        steps: [
          rejoin,
          ...castAgain(stage, poll, 'ann', 'dan'),
          { does: 'cut', command: stage.type.verb('fault', 'isolate', 'db-primary', 'db-replica') },
        ],
      },
      {
        does: 'switching the old one off, and casting the votes again',
        misses: 'the other one streams from it',
        thorough: true,
        steps: [
          { does: 'stop', command: stage.type.docker('stop', 'db-primary') },
          ...castAgain(stage, poll, 'ann', 'dan'),
        ],
      },
      {
        does: 'making the old one a standby by hand, although its history does not fit',
        misses: 'the other one streams from it',
        thorough: true,
        steps: [
          ...castAgain(stage, poll, 'ann', 'dan'),
          {
            does: 'follow',
            command: `${stage.type.docker('exec', 'db-primary')} touch /var/lib/postgresql/data/standby.signal`,
          },
          { does: 'restart', command: stage.type.docker('restart', 'db-primary') },
          { does: 'wait', command: 'sleep 3' },
        ],
      },
      {
        does: 'votes for the wrong team',
        misses: 'db-replica holds the vote of everybody',
        thorough: true,
        steps: [
          rejoin,
          ...['ann', 'dan'].map((user) => ({
            does: 'vote',
            command: stage.type.verb('poll', 'vote', poll, 'Badgers', '--user', user),
          })),
        ],
      },
      {
        does: 'resetting the lab',
        misses: 'db-replica holds the vote of everybody',
        final: true,
        thorough: true,
        steps: [{ does: 'reset', command: stage.type.verb('reset') }],
      },
    ]
  },
  also: (stage, { poll }) => {
    const rejoin = { does: 'rejoin', command: stage.type.verb('rejoin') }
    return [
      {
        does: "casting all of the old one's votes again: the service refuses the one that is there",
        steps: [
          rejoin,
          ...castAgain(stage, poll, ...Object.keys(ON_THE_OLD)).map((step) => ({
            ...step,
            command: `${step.command} || true`,
          })),
        ],
      },
      {
        does: 'casting the votes first, and swapping the roles at the end',
        thorough: true,
        steps: [
          ...castAgain(stage, poll, 'dan', 'ann'),
          rejoin,
          { does: 'swap', command: stage.type.verb('switchover') },
        ],
      },
      {
        does: 'inserting what was missing as SQL, with a vote of somebody new',
        thorough: true,
        steps: [
          rejoin,
          {
            does: 'insert',
            command: stage.type.psql(
              'db-replica',
              `insert into vote (poll_id, user_id, option) values ('${poll}', 'ann', 1), ('${poll}', 'dan', 2)`,
            ),
          },
          { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'Otters', '--user', 'eve') },
        ],
      },
    ]
  },
})

/** Votes that only the old primary had, through the service. */
const castAgain = (stage: Stage, poll: string, ...users: readonly string[]): readonly Step[] =>
  Object.entries(ON_THE_OLD)
    .filter(([user]) => users.includes(user))
    .map(([user, option]) => ({
      does: `Cast the vote of ${user} again`,
      command: stage.type.verb('poll', 'vote', poll, option, '--user', user),
    }))

/** The results are the same from both servers. */
const counts = (stage: Stage, poll: string): Promise<Finding> =>
  finding('both servers count the same votes', 'zx scripts/poll.ts results, with --at for one server', async () => {
    const [one, other] = await Promise.all([stage.results(poll, 'primary'), stage.results(poll, 'backup')])
    const inWords = (results: ReadonlyMap<string, number>) =>
      OPTIONS.map((option) => `${option} ${results.get(option) ?? 0}`).join(', ')
    const seen = `primary: ${inWords(one)}; backup: ${inWords(other)}`
    return { ok: inWords(one) === inWords(other), seen }
  })
