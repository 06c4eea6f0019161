import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import {
  defineExercise,
  type Finding,
  finding,
  holdsVotes,
  isDown,
  isPrimary,
  type Stage,
} from '../../scripts/lab/exercise/face.ts'

const VOTES = { ann: 'Monday', bob: 'Friday' }
const SERVERS = ['primary', 'backup'] as const
const COUNTED = 'Vote Successfully!'

export const exercise = defineExercise({
  minutes: 15,
  // `trial` is a separate poll for the votes that the check casts.
  notes: z.object({ poll: z.string(), trial: z.string() }),
  async setup(stage) {
    const trial = await stage.createPoll('Does this vote get through?', ['Yes', 'No'])
    const poll = await stage.createPoll('Release day?', ['Monday', 'Friday'])
    await stage.vote(poll, VOTES)
    await stage.setLevel('on')
    await stage.fault('crash', 'db-replica')
    return { poll, trial }
  },
  given: (_, { poll }) => [`the poll "Release day?"  ${poll}`],
  check: async (stage, { poll, trial }) => [
    // First, because the votes below may wait too.
    await noCommitWaits(stage),
    ...(await Promise.all([
      getsThrough(stage, trial),
      isOnDisk(stage),
      isDown(stage, 'db-replica'),
      isPrimary(stage, 'db-primary'),
      holdsVotes(stage, 'db-primary', poll, VOTES),
    ])),
  ],
  hints: () => [
    'Cast a vote. While it hangs, look at what its process waits for: the column wait_event of pg_stat_activity. The superuser of db-primary sees it.',
    'zx scripts/replication.ts says what a commit waits for. Can that happen while the standby is away?',
    'While the standby is away, a commit can wait only for the disk of db-primary. You have to decide whether to accept that.',
    'zx scripts/replication.ts async',
  ],
  solution: (stage) => [
    { does: 'What does a commit wait for?', command: stage.type.verb('replication') },
    { does: 'Go on without the standby, and accept the risk', command: stage.type.verb('replication', 'async') },
  ],
  tempting: (stage) => [
    {
      does: 'restarting the primary',
      misses: 'a vote through either server',
      steps: [{ does: 'restart', command: stage.type.docker('restart', 'db-primary') }],
    },
    {
      does: 'starting the standby, which is in the workshop',
      misses: 'db-replica stays down',
      steps: [{ does: 'start', command: stage.type.docker('start', 'db-replica') }],
    },
    {
      does: 'waiting for no disk at all',
      misses: 'on the disk of db-primary',
      steps: [{ does: 'off', command: SET(stage, 'synchronous_commit = off') }],
    },
    {
      does: 'waiting for no disk in the sessions of the servers, in another word for off',
      misses: 'on the disk of db-primary',
      steps: [
        { does: 'name none', command: SET(stage, "synchronous_standby_names = ''") },
        {
          does: 'off for the servers',
          command: stage.type.psql(
            'db-primary',
            'set synchronous_commit = local',
            "alter role service set synchronous_commit = 'no'",
          ),
        },
      ],
    },
    {
      does: 'freeing new commits, while an old one goes on waiting',
      misses: 'no commit waits',
      steps: [
        { does: 'a commit that hangs', command: HANGING(stage) },
        { does: 'local', command: SET(stage, 'synchronous_commit = local') },
      ],
    },
    {
      does: 'ending the commits that wait, and changing nothing',
      misses: 'a vote through either server',
      thorough: true,
      steps: [
        { does: 'a commit that hangs', command: HANGING(stage) },
        { does: 'end it', command: END_WAITING(stage) },
      ],
    },
    {
      does: 'a level that waits for less of the standby',
      misses: 'a vote through either server',
      thorough: true,
      steps: [
        { does: 'remote_write', command: `${stage.type.verb('replication', 'remote_write', '--force')} || true` },
      ],
    },
    {
      does: 'a setting only for sessions of the superuser',
      misses: 'a vote through either server',
      thorough: true,
      steps: [
        {
          does: 'local for postgres',
          command: stage.type.psql(
            'db-primary',
            'set synchronous_commit = local',
            'alter role postgres set synchronous_commit = local',
          ),
        },
      ],
    },
    {
      does: 'changing the setting, without a reload of the configuration',
      misses: 'a vote through either server',
      thorough: true,
      steps: [
        {
          does: 'write it',
          command: stage.type.psql('db-primary', "alter system set synchronous_standby_names = ''"),
        },
      ],
    },
    {
      does: 'waiting for another standby, which does not exist',
      misses: 'a vote through either server',
      thorough: true,
      steps: [{ does: 'any', command: SET(stage, "synchronous_standby_names = 'ANY 1 (*)'") }],
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
      does: "waiting only for the primary's own disk, by hand",
      steps: [{ does: 'local', command: SET(stage, 'synchronous_commit = local') }],
    },
    {
      does: 'the same, and ending a commit that waits already',
      thorough: true,
      steps: [
        { does: 'a commit that hangs', command: HANGING(stage) },
        { does: 'local', command: SET(stage, 'synchronous_commit = local') },
        { does: 'end it', command: END_WAITING(stage) },
      ],
    },
    {
      does: 'emptying the names of the standbys by hand, while a commit waits',
      thorough: true,
      steps: [
        { does: 'a commit that hangs', command: HANGING(stage) },
        { does: 'name none', command: SET(stage, "synchronous_standby_names = ''") },
        { does: 'wait', command: 'sleep 1' },
      ],
    },
    {
      does: 'a setting for the role of the servers, and new sessions of theirs',
      thorough: true,
      steps: [
        {
          does: 'local for the servers',
          command: stage.type.psql(
            'db-primary',
            'set synchronous_commit = local',
            'alter role service set synchronous_commit = local',
          ),
        },
        ...SERVERS.map((server) => ({ does: 'restart', command: stage.type.docker('restart', server) })),
        ...SERVERS.map((server) => ({
          does: 'wait until it is healthy',
          command: `for n in {1..60}; do ${stage.type.docker("inspect -f '{{.State.Health.Status}}'", server)} | grep -qx healthy && break; sleep 1; done`,
        })),
      ],
    },
    {
      does: 'removing the container of the standby',
      thorough: true,
      steps: [
        { does: 'remove', command: stage.type.docker('rm -f', 'db-replica') },
        { does: 'async', command: stage.type.verb('replication', 'async') },
      ],
    },
    {
      does: 'starting the standby by mistake, and taking it down again',
      thorough: true,
      steps: [
        { does: 'start', command: stage.type.docker('start', 'db-replica') },
        { does: 'wait', command: 'sleep 3' },
        { does: 'stop', command: stage.type.docker('stop', 'db-replica') },
        { does: 'async', command: stage.type.verb('replication', 'async') },
      ],
    },
  ],
})

const SET = (stage: Stage, setting: string): string =>
  stage.type.psql('db-primary', `alter system set ${setting}`, 'select pg_reload_conf()')

/** A commit that hangs in the background, with a client that waits for it. */
const HANGING = (stage: Stage): string =>
  `(${stage.type.psql('db-primary', 'create table waits ()')} >/dev/null 2>&1 &) ; sleep 1`

const END_WAITING = (stage: Stage): string =>
  stage.type.psql('db-primary', "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'")

const noCommitWaits = (stage: Stage): Promise<Finding> =>
  finding(
    'no commit waits for a standby that is not there',
    `wait_event in pg_stat_activity: ${stage.type.session('db-primary')}`,
    async () => {
      const waiting = Number(
        await stage.ask('db-primary', "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"),
      )
      return { ok: waiting === 0, seen: waiting === 1 ? '1 commit waits' : `${waiting} commits wait` }
    },
  )

/** Casts votes, because a setting may hold for some sessions and not for others. */
const getsThrough = (stage: Stage, trial: string): Promise<Finding> =>
  finding(
    'a vote through either server is acknowledged',
    'zx scripts/poll.ts vote, with --at for one server',
    async () => {
      const answers = await Promise.all(
        SERVERS.map((server) => stage.castOnce(server, trial, `check-${randomUUID()}`, 'Yes')),
      )
      const seen = SERVERS.map((server, nth) => `${server}: ${inWords(answers[nth] ?? '')}`).join('; ')
      return { ok: answers.every((answer) => answer === COUNTED), seen }
    },
  )

const inWords = (answer: string): string => (answer === 'DEADLINE_EXCEEDED' ? 'no answer in time' : answer)

/** The learner may give up the second machine, but not the disk of the first. */
const isOnDisk = (stage: Stage): Promise<Finding> =>
  finding(
    'an acknowledged vote is on the disk of db-primary',
    `pg_settings: ${stage.type.session('db-primary')}`,
    async () => {
      const off = await stage.ask(
        'db-primary',
        `select name || ' = ' || setting from pg_settings where name in ('synchronous_commit', 'fsync') and setting = 'off'
         union select config from pg_db_role_setting, unnest(setconfig) as config where config ~ '^synchronous_commit=(off|false|no|0)$'`,
      )
      return { ok: off === '', seen: off === '' ? 'it is' : off.replaceAll('\n', ', ') }
    },
  )
