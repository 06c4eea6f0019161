import { z } from 'zod'
import { defineExercise, finding, holdsVotes, type Stage } from '../../scripts/lab/exercise/face.ts'

const VOTES = { ann: 'Roof', bob: 'Garden', cid: 'Roof' }

export const exercise = defineExercise({
  minutes: 10,
  // How many votes had been read on the replica when the exercise began, and when that was.
  notes: z.object({ poll: z.string(), readBefore: z.number(), since: z.string() }),
  async setup(stage) {
    const since = new Date().toISOString()
    const poll = await stage.createPoll('Where shall we meet?', ['Roof', 'Garden', 'Cellar'])
    return { poll, readBefore: await votesRead(stage), since }
  },
  given: (_, { poll }) => [`the poll "Where shall we meet?"  ${poll}`],
  check: async (stage, { poll, readBefore, since }) => [
    // Before the looks below, which are made in a way that does not count.
    await finding(
      'somebody has read these votes in the table vote on db-replica',
      'psql inside the container of db-replica, database polling: pg_stat_user_tables',
      async () => {
        const read = (await votesRead(stage)) - readBefore
        return { ok: read >= Object.keys(VOTES).length, seen: `${read} votes read there since the exercise began` }
      },
    ),
    ...(await Promise.all([
      finding('these votes came through the balancer', stage.type.docker('logs', 'loader'), async () => {
        const calls = (await stage.log('loader', since)).split('\n').filter((line) => /CastVote"/.test(line))
        return { ok: calls.length >= Object.keys(VOTES).length, seen: `it has passed on ${calls.length} votes` }
      }),
      holdsVotes(stage, 'db-primary', poll, VOTES, { only: true }),
      holdsVotes(stage, 'db-replica', poll, VOTES, { only: true }),
    ])),
  ],
  hints: ({ type }) => [
    'The lab has a client of its own: zx scripts/poll.ts --help. It can vote for anybody.',
    'db-replica is not published, so you have to go in: every node is a container, and psql is in it.',
    `${type.session('db-replica')} opens a session there; \\d shows the tables.`,
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
      misses: 'read these votes in the table vote on db-replica',
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
    {
      does: 'voting past the balancer',
      misses: 'came through the balancer',
      steps: [
        ...Object.entries(VOTES).map(([user, option]) => ({
          does: 'vote',
          command: stage.type.verb(
            'poll',
            '--at',
            stage.type.endpoint('primary'),
            'vote',
            poll,
            option,
            '--user',
            user,
          ),
        })),
        { does: 'look at the replica', command: stage.type.psql('db-replica', SELECT(poll)) },
      ],
    },
  ],
})

const SELECT = (poll: string): string =>
  `select user_id, options[option] from vote join poll on id = poll_id where id = '${poll}'`

const votesRead = async (stage: Stage): Promise<number> =>
  Number(
    await stage.ask(
      'db-replica',
      "select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables where relname = 'vote'",
    ),
  )
