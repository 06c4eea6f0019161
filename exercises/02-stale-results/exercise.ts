import { z } from 'zod'
import {
  defineExercise,
  type Finding,
  finding,
  holdsVotes,
  isPrimary,
  isStandby,
  REPLAY_PAUSED,
  type Stage,
  showsAll,
} from '../../scripts/lab/exercise/face.ts'

const EARLY = { ann: 'Keep' }
const LATE = { bob: 'Replace', cid: 'Replace', dot: 'Replace' }

export const exercise = defineExercise({
  minutes: 15,
  notes: z.object({ poll: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('The coffee machine?', ['Keep', 'Replace'])
    await stage.voteEverywhere(poll, EARLY)
    // Two reasons: who finds the first and looks no further has not ended it.
    await stage.change('db-replica', "alter system set recovery_min_apply_delay = '6h'", 'select pg_reload_conf()')
    await stage.fault('replay-pause', 'db-replica')
    await stage.vote(poll, LATE)
    return { poll }
  },
  given: (_, { poll }) => [`the poll "The coffee machine?"  ${poll}`],
  check: async (stage, { poll }) => {
    const shows = await showsAll(stage, 'db-replica')
    return Promise.all([
      shows,
      // Who has not found the first reason is not told of the second.
      ...(shows.seen === REPLAY_PAUSED ? [] : [waitsForNothing(stage)]),
      isPrimary(stage, 'db-primary'),
      isStandby(stage, 'db-replica'),
      holdsVotes(stage, 'db-replica', poll, { ...EARLY, ...LATE }, { only: true }),
    ])
  },
  hints: () => [
    'Ask each server for the results by itself, and then each database. Who is behind whom?',
    'status shows how far each database is, and what it thinks is wrong. "Received" and "replayed" are two things.',
    'In db-replica: select pg_is_wal_replay_paused(). The function that ends it has a similar name.',
    "Still behind? A standby can be told to stay behind on purpose: select name, setting from pg_settings where name like 'recovery%'.",
    'alter system reset … and select pg_reload_conf() take a setting back without a restart.',
  ],
  solution: (stage, { poll }) => [
    {
      does: 'Results as db-primary has them',
      command: stage.type.verb('poll', '--at', stage.type.endpoint('primary'), 'results', poll),
    },
    {
      does: 'Results as db-replica has them',
      command: stage.type.verb('poll', '--at', stage.type.endpoint('backup'), 'results', poll),
    },
    { does: 'Is replay paused there?', command: stage.type.psql('db-replica', 'select pg_is_wal_replay_paused()') },
    { does: 'Go on replaying', command: stage.type.psql('db-replica', 'select pg_wal_replay_resume()') },
    {
      does: 'It is still behind: is it told to be?',
      command: stage.type.psql('db-replica', 'show recovery_min_apply_delay'),
    },
    {
      does: 'Take that back, live',
      command: stage.type.psql('db-replica', 'alter system reset recovery_min_apply_delay', 'select pg_reload_conf()'),
    },
    { does: 'See both databases at the same position', command: stage.type.verb('status'), looks: true },
  ],
  tempting: (stage) => [
    {
      does: 'going on to replay, and looking no further',
      misses: 'nothing makes db-replica wait',
      steps: [{ does: 'resume', command: stage.type.psql('db-replica', 'select pg_wal_replay_resume()') }],
    },
    {
      does: 'promoting the replica, so that both servers agree',
      misses: 'db-primary is the primary',
      steps: [{ does: 'fail over', command: stage.type.verb('failover', '--force') }],
    },
  ],
})

const waitsForNothing = (stage: Stage): Promise<Finding> =>
  finding(
    'nothing makes db-replica wait before it shows what it has',
    'psql inside the container of db-replica: pg_settings',
    async () => {
      const delay = await stage.ask('db-replica', 'show recovery_min_apply_delay')
      return { ok: delay === '0', seen: delay === '0' ? 'no delay' : `it waits on purpose, ${delay}` }
    },
  )
