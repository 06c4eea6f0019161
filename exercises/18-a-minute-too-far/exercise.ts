import { z } from 'zod'
import {
  defineExercise,
  type Finding,
  finding,
  holdsVotes,
  isPair,
  type Stage,
} from '../../scripts/lab/exercise/face.ts'

const EARLY = { ann: 'Yes', bob: 'No' }
const LAST_MINUTE = { cid: 'Yes', dora: 'Yes', emil: 'No' }

export const exercise = defineExercise({
  minutes: 15,
  /** `moment`: between the last vote and the deletion, with its zone. */
  notes: z.object({ poll: z.string(), moment: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('Shall we move?', ['Yes', 'No'])
    await stage.backup()
    await stage.vote(poll, EARLY)
    const tooFar = await momentOf(stage)
    await stage.vote(poll, LAST_MINUTE)
    const moment = await momentOf(stage)
    await stage.change('db-primary', `delete from vote where poll_id = '${poll}'`)
    await stage.goBack(tooFar)
    return { poll, moment }
  },
  given: (_, { poll, moment }) => [
    `the poll "Shall we move?"  ${poll}`,
    `the script's log: ${moment} begin to clean up`,
  ],
  check: (stage, { poll, moment }) =>
    Promise.all([
      holdsVotes(stage, 'db-primary', poll, { ...EARLY, ...LAST_MINUTE }, { only: true }),
      castThen(stage, poll, moment),
      isPair(stage),
    ]),
  hints: () => [
    'zx scripts/backup.ts list: which timelines are there? zx scripts/status.ts: on which one is the lab?',
    'The missing votes were cast on the timeline that the night shift left. Its WAL is still in the archive.',
    'zx scripts/restore.ts --help: a restore goes along the newest timeline, unless it is told another one. Look at the result beside the lab first.',
    'With --timeline 1 and the moment of the log the votes are there; with --replace the lab itself goes there.',
  ],
  solution: (stage, { moment }) => [
    { does: 'See the timelines', command: stage.type.verb('backup', 'list') },
    {
      does: 'Look at it beside the lab',
      command: stage.type.verb('restore', '--to', moment, '--timeline', '1'),
    },
    { does: 'It is what we want: remove the copy', command: stage.type.verb('restore', 'remove') },
    {
      does: 'Take the lab there',
      command: stage.type.verb('restore', '--to', moment, '--timeline', '1', '--replace'),
    },
  ],
  tempting: (stage, { poll, moment }) => {
    const votes = 'db-primary holds these votes'
    return [
      {
        does: 'the right moment, along the newest timeline',
        misses: votes,
        steps: [{ does: 'back', command: stage.type.verb('restore', '--to', moment, '--replace', '--force') }],
      },
      {
        does: 'casting the missing votes again',
        misses: 'as they were cast then',
        steps: [
          {
            does: 'again',
            command: stage.type.psql(
              'db-primary',
              `insert into vote (poll_id, user_id, option) values ('${poll}', 'cid', 1), ('${poll}', 'dora', 1), ('${poll}', 'emil', 2)`,
            ),
          },
        ],
      },
      {
        does: 'leaving what is needed beside the lab',
        misses: votes,
        thorough: true,
        steps: [{ does: 'restore', command: stage.type.verb('restore', '--to', moment, '--timeline', '1') }],
      },
      {
        does: 'switching over to the standby',
        misses: votes,
        thorough: true,
        steps: [{ does: 'switch', command: stage.type.verb('switchover') }],
      },
    ]
  },
  also: (stage, { poll, moment }) => [
    {
      does: 'restoring beside the lab, and copying the missing votes back',
      steps: [
        { does: 'restore', command: stage.type.verb('restore', '--to', moment, '--timeline', '1') },
        {
          does: 'copy',
          command: `docker exec ${stage.type.restored} psql -d polling -c "copy (select * from vote where poll_id = '${poll}' and user_id in ('cid', 'dora', 'emil')) to stdout" | ${stage.type.docker('exec -i', 'db-primary')} psql -d polling -c "copy vote from stdin"`,
        },
      ],
    },
  ],
})

/** A moment of the primary's clock; what comes next has a later one. */
async function momentOf(stage: Stage): Promise<string> {
  const moment = await stage.ask(
    'db-primary',
    "select to_char(clock_timestamp() + interval '1 ms', 'YYYY-MM-DD HH24:MI:SS.MS+00')",
  )
  await stage.ask('db-primary', 'select pg_sleep(0.01)')
  return moment
}

const castThen = (stage: Stage, poll: string, moment: string): Promise<Finding> =>
  finding(
    'they are there as they were cast then',
    `cast_at in the table vote: ${stage.type.session('db-primary')}`,
    async () => {
      const later = await stage.ask(
        'db-primary',
        `select count(*) from vote where poll_id = '${poll}' and cast_at > '${moment}'`,
      )
      return {
        ok: later === '0',
        seen: later === '0' ? 'none was cast later' : `${later} were cast after the deletion`,
      }
    },
  )
