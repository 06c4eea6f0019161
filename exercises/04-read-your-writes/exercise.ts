import { z } from 'zod'
import {
  defineExercise,
  finding,
  holdsVotes,
  isPrimary,
  type Stage,
  type Step,
} from '../../scripts/lab/exercise/face.ts'

const EARLY = { ann: 'Salad', bob: 'Salad' }
const OWN = { dora: 'Soup' }

export const exercise = defineExercise({
  minutes: 15,
  // `copied`: the position at which the copy is made.
  notes: z.object({ poll: z.string(), copied: z.string() }),
  async setup(stage) {
    await stage.change('db-primary', NOTE_OF_EACH_VOTE)
    const poll = await stage.createPoll('Lunch on Friday?', ['Soup', 'Salad'])
    await stage.voteEverywhere(poll, EARLY)
    await stage.fault('replay-pause', 'db-replica')
    const copied = await stage.ask('db-replica', 'select pg_last_wal_replay_lsn()')
    return { poll, copied }
  },
  given: (stage, { poll }) => [
    `the poll "Lunch on Friday?"  ${poll}`,
    `the page reads from the server backup, at ${stage.type.endpoint('backup')}`,
  ],
  check: (stage, { poll, copied }) =>
    Promise.all([
      holdsVotes(stage, 'db-primary', poll, OWN, { cast: true }),
      finding(
        'dora voted through the service, not past it',
        `cast_by in the table vote: ${stage.type.session('db-primary')}`,
        async () => {
          const { by } = await noteOf(stage, poll)
          return {
            ok: by === 'service',
            seen: by === undefined ? 'dora has not voted' : `the role ${by} wrote her vote`,
          }
        },
      ),
      finding(
        'backup answered a read whose token includes the vote of dora, and its own database could not answer it',
        `${stage.type.docker('exec', 'backup')} node -e 'fetch("http://localhost:9464/metrics").then(r => r.text()).then(console.log)'`,
        async () => {
          const [read, { after }] = await Promise.all([stage.metric('backup', HIGHEST_TOKEN), noteOf(stage, poll)])
          if (read === undefined) return { ok: false, seen: 'there has been no such read since backup was started' }
          if (after === undefined) return { ok: false, seen: 'dora has not voted' }
          // The token of any later vote includes hers too.
          return { ok: read > after, seen: `its token is from ${read > after ? 'after' : 'before'} her vote` }
        },
      ),
      finding('replay on db-replica is still paused, for the copy', 'zx scripts/status.ts', async () => {
        const state = `select pg_is_wal_replay_paused(), pg_last_wal_replay_lsn() is distinct from '${copied}'`
        const [paused, moved] = (await stage.ask('db-replica', state)).split('|')
        // A copy of data that changed meanwhile is none, also if replay is paused again.
        if (moved === 't') return { ok: false, seen: 'it has replayed: the copy is spoilt', final: true }
        return { ok: paused === 't', seen: paused === 't' ? 'paused' : 'it replays' }
      }),
      isPrimary(stage, 'db-primary'),
    ]),
  hints: () => [
    'First see the problem: vote as dora, then read the results from each server.',
    'The answer to a write has more than a status. Look at what zx scripts/poll.ts vote prints with --json.',
    'proto/polling.proto and the README say what the consistency token is for, and which calls take it.',
    'zx scripts/poll.ts --at <server> results <poll> --token <token>',
  ],
  solution: (stage, { poll }) => [
    {
      does: 'Vote as dora, keep the token of that vote, and read from backup with it',
      command: [tokenOf(stage, poll, 'dora'), 'echo "the token: $token"', readWith(stage, poll)].join('\n'),
    },
    {
      does: 'Read without the token: the same server answers from its own database',
      command: stage.type.verb('poll', '--at', stage.type.endpoint('backup'), 'results', poll),
    },
  ],
  tempting: (stage, { poll }) => [
    {
      does: 'reading from the other server',
      misses: 'whose token includes the vote of dora',
      steps: [
        voteOf(stage, poll, 'dora'),
        { does: 'read', command: stage.type.verb('poll', '--at', stage.type.endpoint('primary'), 'results', poll) },
      ],
    },
    {
      does: "the read first, with the token of somebody else's vote",
      misses: 'whose token includes the vote of dora',
      steps: [readOwn(stage, poll, 'eve'), voteOf(stage, poll, 'dora')],
    },
    {
      does: 'the token of an earlier vote',
      misses: 'whose token includes the vote of dora',
      steps: [
        {
          does: 'vote as eve, vote as dora, and read with the token of eve',
          command: [tokenOf(stage, poll, 'eve'), voteOf(stage, poll, 'dora').command, readWith(stage, poll)].join('\n'),
        },
      ],
    },
    {
      does: 'a vote that is written past the service, and the token of somebody else',
      misses: 'dora voted through the service',
      steps: [
        {
          does: 'write the vote',
          command: stage.type.psql(
            'db-primary',
            `insert into vote (poll_id, user_id, option) values ('${poll}', 'dora', 1)`,
          ),
        },
        readOwn(stage, poll, 'eve'),
      ],
    },
    {
      does: 'resuming replay for a moment, and pausing it again',
      misses: 'replay on db-replica is still paused',
      final: true,
      steps: [
        { does: 'resume', command: stage.type.psql('db-replica', 'select pg_wal_replay_resume()') },
        voteOf(stage, poll, 'mia'),
        { does: 'wait', command: 'sleep 1' },
        { does: 'pause', command: stage.type.psql('db-replica', 'select pg_wal_replay_pause()') },
        readOwn(stage, poll, 'dora'),
      ],
    },
    {
      does: 'resuming replay',
      thorough: true,
      misses: 'replay on db-replica is still paused',
      final: true,
      steps: [
        voteOf(stage, poll, 'dora'),
        { does: 'resume', command: stage.type.psql('db-replica', 'select pg_wal_replay_resume()') },
      ],
    },
    {
      does: 'reading from backup without a token',
      misses: 'whose token includes the vote of dora',
      thorough: true,
      steps: [
        voteOf(stage, poll, 'dora'),
        { does: 'read', command: stage.type.verb('poll', '--at', stage.type.endpoint('backup'), 'results', poll) },
      ],
    },
    {
      does: 'the token, and the server primary',
      misses: 'whose token includes the vote of dora',
      thorough: true,
      steps: [readOwn(stage, poll, 'dora', 'primary')],
    },
    {
      does: 'a vote of dora for something else',
      misses: 'db-primary holds these votes',
      final: true,
      thorough: true,
      steps: [readOwn(stage, poll, 'dora', 'backup', 'Salad')],
    },
    {
      does: 'doing everything right, then resuming replay',
      misses: 'replay on db-replica is still paused',
      final: true,
      thorough: true,
      steps: [
        readOwn(stage, poll, 'dora'),
        { does: 'resume', command: stage.type.psql('db-replica', 'select pg_wal_replay_resume()') },
      ],
    },
    {
      does: 'resetting the lab',
      misses: 'db-primary holds these votes',
      final: true,
      thorough: true,
      steps: [readOwn(stage, poll, 'dora'), { does: 'reset', command: stage.type.verb('reset') }],
    },
  ],
  also: (stage, { poll }) => [
    {
      does: "a read with a later token, of somebody else's vote",
      thorough: true,
      steps: [voteOf(stage, poll, 'dora'), readOwn(stage, poll, 'eve')],
    },
    {
      does: 'a vote straight at the server backup, and two reads',
      thorough: true,
      steps: [
        {
          does: 'vote',
          command: `${stage.type.verb('poll', '--at', stage.type.endpoint('backup'), 'vote', poll)} Soup --user dora`,
        },
        readOwn(stage, poll, 'eve'),
        readOwn(stage, poll, 'fay'),
      ],
    },
    {
      does: 'a read after backup was restarted',
      thorough: true,
      steps: [
        voteOf(stage, poll, 'dora'),
        { does: 'restart', command: stage.type.docker('restart', 'backup') },
        { does: 'wait', command: 'sleep 5' },
        readOwn(stage, poll, 'eve'),
      ],
    },
  ],
})

const voteOf = (stage: Stage, poll: string, user: string): Step => ({
  does: `vote as ${user}`,
  command: stage.type.verb('poll', 'vote', poll, 'Soup', '--user', user),
})

/** A vote, and a read that includes it. */
const readOwn = (
  stage: Stage,
  poll: string,
  user: string,
  at: 'primary' | 'backup' = 'backup',
  option = 'Soup',
): Step => ({
  does: `vote as ${user}, and read with that token`,
  command: `${tokenOf(stage, poll, user, option)}\n${readWith(stage, poll, at)}`,
})

/** A vote whose token is kept in a variable of the shell. */
const tokenOf = (stage: Stage, poll: string, user: string, option = 'Soup'): string =>
  `token=$(${stage.type.verb('poll', 'vote', poll, option, '--user', user, '--json')} | node -p 'JSON.parse(fs.readFileSync(0)).token')`

/** A read with the token in that variable. */
const readWith = (stage: Stage, poll: string, at: 'primary' | 'backup' = 'backup'): string =>
  `${stage.type.verb('poll', '--at', stage.type.endpoint(at), 'results', poll)} --token "$token"`

const HIGHEST_TOKEN = 'polling_token_read_highest_position_bytes{database="writable"}'

/** From now on each vote notes who wrote it, and how far the WAL was just before. */
const NOTE_OF_EACH_VOTE =
  'alter table vote add cast_by name default session_user, add cast_after pg_lsn default pg_current_wal_insert_lsn()'

/** That note of dora's vote; `after` in bytes of WAL. Nothing if she has not voted, or if a reset took the notes away. */
async function noteOf(stage: Stage, poll: string): Promise<{ by?: string; after?: number }> {
  const query = `select note ->> 'cast_by', pg_wal_lsn_diff((note ->> 'cast_after')::pg_lsn, '0/0')
    from (select to_jsonb(vote) as note from vote where poll_id = '${poll}' and user_id = 'dora') as it`
  const [by = '', after = ''] = (await stage.ask('db-primary', query)).split('|')
  return by === '' ? {} : { by, after: Number(after) }
}
