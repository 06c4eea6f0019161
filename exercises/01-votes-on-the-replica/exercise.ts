import { z } from 'zod'
import { defineExercise, finding, holdsVotes, type Stage } from '../../scripts/lab/exercise/face.ts'

const VOTES = { ann: 'Roof', bob: 'Garden', cid: 'Roof' }

export const exercise = defineExercise({
  minutes: 10,
  // How often the table of votes had been read on the replica when the exercise began.
  notes: z.object({ poll: z.string(), readBefore: z.number() }),
  async setup(stage) {
    const poll = await stage.createPoll('Where shall we meet?', ['Roof', 'Garden', 'Cellar'])
    return { poll, readBefore: await timesRead(stage) }
  },
  given: (_, { poll }) => [`the poll "Where shall we meet?"  ${poll}`],
  check: async (stage, { poll, readBefore }) => [
    // Before the looks below, which are made in a way that does not count.
    await finding(
      'somebody has read the table vote on db-replica',
      'psql in db-replica: pg_stat_user_tables',
      async () => {
        const times = (await timesRead(stage)) - readBefore
        return { ok: times > 0, seen: `read ${times} times since the exercise began` }
      },
    ),
    ...(await Promise.all([
      holdsVotes(stage, 'db-primary', poll, VOTES, { only: true }),
      holdsVotes(stage, 'db-replica', poll, VOTES, { only: true }),
    ])),
  ],
  hints: [
    'The lab has a client of its own: zx scripts/poll.ts --help. It can vote for anybody.',
    'db-replica is not published, so you have to go in: every node is a container, and psql is in it.',
    'docker exec -it db-replica psql -d polling opens a session there; \\d shows the tables.',
  ],
  solution: (stage, { poll }) => [
    ...Object.entries(VOTES).map(([user, option]) => ({
      does: `Cast the vote of ${user} through the balancer`,
      command: stage.type.verb('poll', 'vote', poll, option, '--user', user),
    })),
    { does: 'Find the votes on the replica, by name', command: stage.type.psql('db-replica', SELECT(poll)) },
  ],
  tempting: (stage, { poll }) => [
    {
      does: 'voting, and looking at the primary and at the results only',
      misses: 'read the table vote on db-replica',
      steps: [
        ...Object.entries(VOTES).map(([user, option]) => ({
          does: 'vote',
          command: stage.type.verb('poll', 'vote', poll, option, '--user', user),
        })),
        { does: 'look at the primary', command: stage.type.psql('db-primary', SELECT(poll)) },
        {
          does: 'look at results',
          command: stage.type.verb('poll', '--at', stage.type.endpoint('backup'), 'results', poll),
        },
      ],
    },
  ],
})

const SELECT = (poll: string): string =>
  `select user_id, options[option] from vote join poll on id = poll_id where id = '${poll}'`

const timesRead = async (stage: Stage): Promise<number> =>
  Number(
    await stage.ask(
      'db-replica',
      "select coalesce(seq_scan, 0) + coalesce(idx_scan, 0) from pg_stat_user_tables where relname = 'vote'",
    ),
  )
