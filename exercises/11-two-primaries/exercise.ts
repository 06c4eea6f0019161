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
const TOLD = 'the vote of everybody who voted on either side, by the rule of the house'
/** Everybody's vote once; of who voted on both sides, the one that the results page has shown. */
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
    // It would believe for some seconds more that its standby is there.
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
    'Which of the two is the newer one? status shows their timelines. Which one do the servers write to?',
    'Compare the table vote on both. Which voters are on the old one only, which on the new one only, and which on both, with different votes?',
    'zx scripts/rejoin.ts makes the old one a standby. It lists what only that one had, keeps it in a file, and drops it.',
    'Votes that were listed can be cast again, through the service; a voter who has a vote on the new one keeps that one.',
  ],
  solution: (stage, { poll }) => [
    { does: 'Two primaries, on two timelines', command: stage.type.verb('status'), looks: true },
    ...(['db-primary', 'db-replica'] as const).map((node) => ({
      does: `Votes on ${node}`,
      command: stage.type.psql(
        node,
        `select user_id, options[option] from vote join poll on id = poll_id where id = '${poll}' order by 1`,
      ),
    })),
    {
      does: 'Keep the newer one; the other becomes its standby, and tells what only it had',
      command: stage.type.verb('rejoin'),
    },
    ...castAgain(stage, poll, 'ann', 'dan'),
  ],
  tempting: (stage, { poll }) => {
    const rejoin = { does: 'rejoin', command: stage.type.verb('rejoin') }
    return [
      {
        does: 'bringing the old one back, and leaving it at that',
        misses: 'db-replica holds the vote of everybody',
        steps: [rejoin],
      },
      {
        does: "the old primary's vote of bob, which nobody has seen",
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
        does: 'switching the old one off, and casting the votes again',
        misses: 'the other one streams from it',
        thorough: true,
        steps: [
          { does: 'stop', command: stage.type.docker('stop', 'db-primary') },
          ...castAgain(stage, poll, 'ann', 'dan'),
        ],
      },
      {
        does: 'making the old one a standby by hand, whose history does not fit',
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
        does: 'giving the lab back as new',
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

/** The results page shows what is stored, from whichever server. */
const counts = (stage: Stage, poll: string): Promise<Finding> =>
  finding('both servers count the same votes', 'zx scripts/poll.ts results, with --at for one server', async () => {
    const [one, other] = await Promise.all([stage.results(poll, 'primary'), stage.results(poll, 'backup')])
    const inWords = (results: Readonly<Record<string, number>>) =>
      OPTIONS.map((option) => `${option} ${results[option] ?? 0}`).join(', ')
    const seen = `primary: ${inWords(one)}; backup: ${inWords(other)}`
    return { ok: inWords(one) === inWords(other), seen }
  })
