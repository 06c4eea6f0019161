import { z } from 'zod'
import { defineExercise, finding, holdsVotes, type Stage, type Step } from '../../scripts/lab/exercise/face.ts'

const VOTES = { ann: 'Roof', bob: 'Garden', cid: 'Roof' }
const USERS = Object.keys(VOTES)

export const exercise = defineExercise({
  minutes: 10,
  // How many votes had been read on the replica when the exercise began, and when that was.
  notes: z.object({ poll: z.string(), readBefore: z.number(), since: z.string() }),
  async setup(stage) {
    const since = new Date().toISOString()
    const poll = await stage.createPoll('Where shall we meet?', ['Roof', 'Garden', 'Cellar'])
    return { poll, readBefore: (await readsOnReplica(stage, poll)).votes, since }
  },
  given: (_, { poll }) => [`the poll "Where shall we meet?"  ${poll}`],
  check: async (stage, { poll, readBefore, since }) => [
    // Before the looks below, which are made in a way that does not count.
    await finding(
      'somebody has read these votes in the table vote on db-replica',
      'psql inside the container of db-replica, database polling: pg_stat_user_tables',
      async () => {
        const { votes, tooEarly } = await readsOnReplica(stage, poll)
        // A database that was killed begins its counts again.
        const read = votes < readBefore ? votes : votes - readBefore
        const early = tooEarly ? '; the last read came before all three were cast' : ''
        return { ok: read >= USERS.length && !tooEarly, seen: `${read} votes were read there${early}` }
      },
    ),
    ...(await Promise.all([
      finding('these votes came through the balancer', stage.type.docker('logs', 'loader'), async () => {
        const { through, past } = await waysOfVotes(stage, poll, since)
        return { ok: through === USERS.length, seen: `${through} of ${USERS.length} did`, final: past > 0 }
      }),
      holdsVotes(stage, 'db-primary', poll, VOTES, { only: true, cast: true }),
      holdsVotes(stage, 'db-replica', poll, VOTES, { only: true }),
    ])),
  ],
  hints: ({ type }) => [
    'The lab has its own client: zx scripts/poll.ts --help. It can vote as any user.',
    'You cannot reach db-replica from outside. But every node is a container, and psql is in the container of a database.',
    `${type.session('db-replica')} opens a session there; \\d shows the tables.`,
  ],
  solution: (stage, { poll }) => [
    ...vote(stage, poll),
    { does: 'Find the votes on db-replica, by name', command: stage.type.psql('db-replica', SELECT(poll)) },
  ],
  tempting: (stage, { poll }) => {
    const look: Step = { does: 'look at the standby', command: stage.type.psql('db-replica', SELECT(poll)) }
    const pastTheBalancer = vote(stage, poll, VOTES, '--at', stage.type.endpoint('primary'))
    return [
      {
        does: 'voting, and looking at the primary and at the results only',
        misses: 'read these votes in the table vote on db-replica',
        steps: [
          ...vote(stage, poll),
          { does: 'look at the primary', command: stage.type.psql('db-primary', SELECT(poll)) },
          {
            does: 'look at results',
            command: stage.type.verb('poll', '--at', stage.type.endpoint('backup'), 'results', poll),
          },
        ],
      },
      {
        does: "voting past the balancer, while the lab's own calls come through it",
        misses: 'came through the balancer',
        final: true,
        steps: [
          ...pastTheBalancer,
          ...[1, 2, 3].map(() => ({ does: 'have the lab call', command: stage.type.verb('setup') })),
          look,
        ],
      },
      {
        does: 'voting past the balancer, and the same votes through it afterwards',
        misses: 'came through the balancer',
        final: true,
        thorough: true,
        steps: [...pastTheBalancer, ...vote(stage, poll), look],
      },
      {
        does: 'one vote past the balancer, and votes of others through it',
        misses: 'came through the balancer',
        final: true,
        thorough: true,
        steps: [
          ...vote(stage, poll, { ann: 'Roof' }, '--at', stage.type.endpoint('backup')),
          ...vote(stage, poll, { bob: 'Garden', cid: 'Roof', eve: 'Roof' }),
          look,
        ],
      },
      {
        does: 'looking at one vote three times, before the others are cast',
        misses: 'read these votes in the table vote on db-replica',
        thorough: true,
        steps: [
          ...vote(stage, poll, { ann: 'Roof' }),
          ...[1, 2, 3].map(() => ({ does: 'look', command: stage.type.psql('db-replica', 'select * from vote') })),
          // A session reports what it has read once a second.
          ...vote(stage, poll, { bob: 'Garden', cid: 'Roof' }),
        ],
      },
      {
        does: 'a vote for the wrong place',
        misses: 'db-primary holds these votes',
        final: true,
        thorough: true,
        steps: [...vote(stage, poll, { ...VOTES, cid: 'Cellar' }), look],
      },
      {
        does: 'voting in the name of two people only',
        misses: 'db-primary holds these votes',
        thorough: true,
        steps: [...vote(stage, poll, { ann: 'Roof', bob: 'Garden' }), look, look],
      },
      {
        does: 'writing the votes into the database',
        misses: 'came through the balancer',
        final: true,
        thorough: true,
        steps: [
          {
            does: 'insert',
            command: stage.type.psql(
              'db-primary',
              ...USERS.map(
                (user) => `insert into vote (poll_id, user_id, option) values ('${poll}', '${user}', ${OPTION(user)})`,
              ),
            ),
          },
          look,
        ],
      },
      {
        does: 'resetting the lab afterwards',
        misses: 'db-primary holds these votes',
        final: true,
        thorough: true,
        steps: [...vote(stage, poll), look, { does: 'reset', command: stage.type.verb('reset') }],
      },
    ]
  },
  also: (stage, { poll }) => [
    {
      does: 'voting with another client, which sends no key',
      steps: [
        ...Object.entries(VOTES).map(([user, option]) => ({
          does: 'vote',
          command: `node --input-type=module -e '${CLIENT_WITHOUT_KEY}' ${stage.type.endpoint('loader')} ${poll} ${user} ${option}`,
        })),
        { does: 'look', command: stage.type.psql('db-replica', 'table vote') },
      ],
    },
    {
      does: 'counting the votes of each name, after votes in another order, one of them tried twice',
      thorough: true,
      steps: [
        ...vote(stage, poll, { cid: 'Roof', ann: 'Roof', bob: 'Garden' }),
        { does: 'again', command: `${stage.type.verb('poll', 'vote', poll, 'Roof', '--user', 'ann')} || true` },
        {
          does: 'look',
          command: stage.type.psql('db-replica', 'select user_id, count(*) from vote group by user_id'),
        },
      ],
    },
    {
      does: 'votes through the balancer, whose container is then made again',
      steps: [
        ...vote(stage, poll),
        { does: 'remove', command: stage.type.docker('rm -f', 'loader') },
        { does: 'set up', command: stage.type.verb('setup') },
        { does: 'look', command: stage.type.psql('db-replica', SELECT(poll)) },
      ],
    },
    {
      does: 'looking after db-replica was killed and started again',
      thorough: true,
      steps: [
        ...vote(stage, poll),
        { does: 'kill', command: stage.type.docker('restart -t 0', 'db-replica') },
        { does: 'wait', command: stage.type.verb('setup') },
        { does: 'look', command: stage.type.psql('db-replica', SELECT(poll)) },
      ],
    },
  ],
})

const OPTION = (user: string): number => (user === 'bob' ? 2 : 1)

const SELECT = (poll: string): string =>
  `select user_id, options[option] from vote join poll on id = poll_id where id = '${poll}'`

const vote = (
  stage: Stage,
  poll: string,
  votes: Readonly<Record<string, string>> = VOTES,
  ...at: readonly string[]
): readonly Step[] =>
  Object.entries(votes).map(([user, option]) => ({
    does: `Cast the vote of ${user}${at.length === 0 ? ' through the balancer' : ''}`,
    command: stage.type.verb('poll', ...at, 'vote', poll, option, '--user', user),
  }))

/** A client that sends only the message and no metadata, like the stock clients of the wire contract. */
const CLIENT_WITHOUT_KEY = [
  'import { credentials } from "@grpc/grpc-js"',
  'import { VoteServiceClient } from "./proto/gen/polling.ts"',
  'const [address, uuid, userID, select_options] = process.argv.slice(1)',
  'const client = new VoteServiceClient(address, credentials.createInsecure())',
  'client.castVote({ uuid, userID, select_options }, (error) => { if (error) throw error; client.close() })',
].join('; ')

/** How many rows of the table vote were read on the replica; whether the last read came before the last of these votes. */
async function readsOnReplica(stage: Stage, poll: string): Promise<{ votes: number; tooEarly: boolean }> {
  // The time of the last scan is known from PostgreSQL 16 on.
  const [votes, tooEarly] = (
    await stage.ask(
      'db-replica',
      // Not counted, since this reads the table itself.
      `set track_counts = off;
       select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0),
              coalesce(greatest((it->>'last_seq_scan')::timestamptz, (it->>'last_idx_scan')::timestamptz)
                < (select max(cast_at) from vote where poll_id = '${poll}'), false)
       from pg_stat_user_tables as scans, to_jsonb(scans) as it where relname = 'vote'`,
    )
  ).split('|')
  return { votes: Number(votes), tooEarly: tooEarly === 't' }
}

type Passed = { readonly time: string; readonly call: string; readonly grpc_status: string; readonly key: string }

/** How many of these votes came through the balancer, and how many reached the database in another way. */
async function waysOfVotes(stage: Stage, poll: string, since: string): Promise<{ through: number; past: number }> {
  const [log, madeAt, rows] = await Promise.all([
    stage.log('loader', since),
    stage.madeAt('loader'),
    stage.ask(
      'db-primary',
      `select idempotency_key, extract(epoch from cast_at) from vote where poll_id = '${poll}' and user_id in ('${USERS.join("', '")}')`,
    ),
  ])
  const passed = log.split('\n').flatMap(passedOn)
  const votes = rows.split('\n').filter((row) => row !== '')
  const through = votes.filter((row) => {
    const at = row.lastIndexOf('|')
    const [key, castAt] = [row.slice(0, at), Number(row.slice(at + 1))]
    // setup makes the balancer again when a setting of it changes. Then nobody knows how earlier votes came.
    if (castAt < madeAt) return true
    // A vote without a key is recognised only by its second; each call in the log stands for one vote.
    const nth = passed.findIndex((it) => it.key === key && (key !== '' || isAbout(it.time, castAt)))
    if (nth !== -1) passed.splice(nth, 1)
    return nth !== -1
  }).length
  return { through, past: votes.length - through }
}

const isAbout = (time: string, castAt: number): boolean => Math.abs(Date.parse(time) / 1000 + 0.5 - castAt) <= 1.5

/** The vote in a line of the balancer's log, if a server answered it. */
function passedOn(line: string): readonly Passed[] {
  if (!line.includes('/CastVote"')) return []
  const { time, grpc_status, call, idempotency_key: key } = JSON.parse(line)
  return grpc_status === '0' ? [{ time, call, grpc_status, key }] : []
}
