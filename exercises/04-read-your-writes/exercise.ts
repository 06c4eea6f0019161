import { z } from 'zod'
import { defineExercise, finding, holdsVotes, isPrimary, type Stage } from '../../scripts/lab/exercise/face.ts'

const EARLY = { ann: 'Salad', bob: 'Salad' }
const OWN = { dora: 'Soup' }

export const exercise = defineExercise({
  minutes: 15,
  notes: z.object({ poll: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('Lunch on Friday?', ['Soup', 'Salad'])
    await stage.voteEverywhere(poll, EARLY)
    await stage.fault('replay-pause', 'db-replica')
    return { poll }
  },
  given: (stage, { poll }) => [
    `the poll "Lunch on Friday?"  ${poll}`,
    `the page reads from the server backup, at ${stage.type.endpoint('backup')}`,
  ],
  check: (stage, { poll }) =>
    Promise.all([
      holdsVotes(stage, 'db-primary', poll, OWN),
      finding(
        "after dora's vote backup was asked for something newer than its own database has, and answered",
        `${stage.type.docker('exec', 'backup')} node -e 'fetch("http://localhost:9464/metrics").then(r => r.text()).then(console.log)'`,
        async () => {
          // Whoever's token it was: what the writable database answers after her vote includes it.
          const [read, voted] = await Promise.all([stage.metric('backup', LAST_READ), votedAt(stage, poll)])
          if (read === undefined) return { ok: false, seen: 'no such read since backup was started' }
          if (voted === undefined) return { ok: false, seen: 'dora has not voted' }
          return { ok: read > voted, seen: `the last such read came ${read > voted ? 'after' : 'before'} her vote` }
        },
      ),
      finding('replay on db-replica is still paused: the copy is being made', 'zx scripts/status.ts', async () => {
        const paused = await stage.ask('db-replica', 'select pg_is_wal_replay_paused()')
        return { ok: paused === 't', seen: paused === 't' ? 'paused' : 'it replays' }
      }),
      isPrimary(stage, 'db-primary'),
    ]),
  hints: () => [
    'See the gap first: vote as dora, then read the results from each server by itself.',
    'A write answers with more than its status. Look at what zx scripts/poll.ts vote prints with --json.',
    'proto/polling.proto and the README say what the consistency token is for, and who takes it.',
    'zx scripts/poll.ts --at <server> results <poll> --token <token>',
  ],
  solution: (stage, { poll }) => [
    {
      does: 'Vote as dora, keep the token of that write, and read from backup what includes it',
      command: [
        `token=$(${stage.type.verb('poll', 'vote', poll, 'Soup', '--user', 'dora', '--json')} | node -p 'JSON.parse(fs.readFileSync(0)).token')`,
        `echo "the token: $token"`,
        `${stage.type.verb('poll', '--at', stage.type.endpoint('backup'), 'results', poll)} --token "$token"`,
      ].join('\n'),
    },
    {
      does: 'Without the token the same server answers from its own database',
      command: stage.type.verb('poll', '--at', stage.type.endpoint('backup'), 'results', poll),
    },
  ],
  tempting: (stage, { poll }) => [
    {
      does: 'reading from the other server',
      misses: "after dora's vote backup was asked",
      steps: [
        { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'Soup', '--user', 'dora') },
        { does: 'read', command: stage.type.verb('poll', '--at', stage.type.endpoint('primary'), 'results', poll) },
      ],
    },
    {
      does: "the read first, with the token of somebody else's vote",
      misses: "after dora's vote backup was asked",
      steps: [
        {
          does: 'vote as eve, and read with her token',
          command: [
            `token=$(${stage.type.verb('poll', 'vote', poll, 'Soup', '--user', 'eve', '--json')} | node -p 'JSON.parse(fs.readFileSync(0)).token')`,
            `${stage.type.verb('poll', '--at', stage.type.endpoint('backup'), 'results', poll)} --token "$token"`,
          ].join('\n'),
        },
        { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'Soup', '--user', 'dora') },
      ],
    },
    {
      does: 'going on to replay',
      misses: 'replay on db-replica is still paused',
      steps: [
        { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'Soup', '--user', 'dora') },
        { does: 'resume', command: stage.type.psql('db-replica', 'select pg_wal_replay_resume()') },
      ],
    },
  ],
})

const LAST_READ = 'polling_token_read_last_timestamp_seconds{database="writable"}'

/** When dora's vote was cast, in seconds since 1970. */
const votedAt = async (stage: Stage, poll: string): Promise<number | undefined> => {
  const seconds = await stage.ask(
    'db-primary',
    `select extract(epoch from cast_at) from vote where poll_id = '${poll}' and user_id = 'dora'`,
  )
  return seconds === '' ? undefined : Number(seconds)
}
