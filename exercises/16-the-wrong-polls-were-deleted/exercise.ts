import { z } from 'zod'
import {
  defineExercise,
  type Finding,
  finding,
  holdsVotes,
  isPrimary,
  type Stage,
} from '../../scripts/lab/exercise/face.ts'

const GONE = { ann: 'Pool', bob: 'Library', cid: 'Library' }
const OTHER = { dora: 'Tea', emil: 'Coffee' }
const SINCE = { fay: 'Tea', gus: 'Tea' }

export const exercise = defineExercise({
  minutes: 20,
  /** `moment`: between the last vote and the deletion, with its zone. `started`: when the primary was started. */
  notes: z.object({ gone: z.string(), other: z.string(), moment: z.string(), started: z.string() }),
  async setup(stage) {
    const gone = await stage.createPoll('What shall we build?', ['Pool', 'Library'])
    const other = await stage.createPoll('What shall we drink?', ['Tea', 'Coffee'])
    const { ann, ...later } = GONE
    await stage.vote(gone, { ann })
    await stage.backup()
    await stage.vote(gone, later)
    await stage.voteEverywhere(other, OTHER)
    const moment = await stage.ask('db-primary', "select to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS.MS+00')")
    // The moment has milliseconds: the deletion comes in a later one.
    await stage.ask('db-primary', 'select pg_sleep(0.01)')
    const deletions = ['vote', 'tally'].map((table) => `delete from ${table} where poll_id = '${gone}'`)
    await stage.change('db-primary', ...deletions, `delete from poll where id = '${gone}'`)
    await stage.vote(other, SINCE)
    return { gone, other, moment, started: await startOf(stage) }
  },
  given: (_, { gone, other, moment }) => [
    `the poll that was deleted, "What shall we build?"  ${gone}`,
    `the other poll, "What shall we drink?"  ${other}`,
    `the script's log: ${moment} begin to clean up`,
  ],
  check: (stage, { gone, other, moment, started }) =>
    Promise.all([
      isBack(stage, gone),
      castThen(stage, gone, moment),
      holdsVotes(stage, 'db-primary', other, { ...OTHER, ...SINCE }),
      shown(stage, gone),
      isPrimary(stage, 'db-primary'),
      wentOn(stage, started),
    ]),
  hints: ({ type }) => [
    'Both databases agree that the poll is gone. What has a copy of the data that is older than the deletion?',
    'A database can be restored beside the lab, as it was at a moment: zx scripts/restore.ts --help. The log says when it has to be.',
    `The restored database has the poll and its votes, the primary has everything else. See both: ${type.session('db-primary')}; docker exec -it ${type.restored} psql polling`,
    'copy (select …) to stdout on the one, and copy … from stdin on the other, through a pipe: docker exec without -t on the left, docker exec -i on the right. First the table poll, then the table vote; that fills the table tally.',
  ],
  solution: (stage, { gone, moment }) => [
    { does: 'See what can be restored', command: stage.type.verb('backup', 'list') },
    { does: 'Restore beside the lab, to the moment before', command: stage.type.verb('restore', '--to', moment) },
    ...copied(stage, gone),
    { does: 'The restored database is no longer needed', command: stage.type.verb('restore', 'remove') },
  ],
  tempting: (stage, { gone, moment }) => {
    const votes = 'db-primary holds the deleted poll with every vote'
    const back = stage.type.verb('restore', '--to', moment, '--replace', '--force')
    return [
      {
        does: 'taking the whole lab back',
        misses: 'db-primary holds these votes',
        final: true,
        steps: [{ does: 'back', command: back }],
      },
      {
        does: 'failing over to the standby, which repeated the deletion',
        misses: votes,
        steps: [{ does: 'fail over', command: stage.type.verb('failover', 'db-replica', '--force') }],
      },
      {
        does: 'making the poll again, and casting the votes again',
        misses: 'as they were cast then',
        steps: [
          {
            does: 'again',
            command: stage.type.psql(
              'db-primary',
              `insert into poll (id, question, options) values ('${gone}', 'What shall we build?', '{Pool,Library}')`,
              `insert into vote (poll_id, user_id, option) values ('${gone}', 'ann', 1), ('${gone}', 'bob', 2), ('${gone}', 'cid', 2)`,
            ),
          },
        ],
      },
      {
        does: 'restoring too much: all that is archived, the deletion too',
        misses: votes,
        thorough: true,
        steps: [{ does: 'restore', command: stage.type.verb('restore', '--end') }, ...copied(stage, gone)],
      },
      {
        does: 'restarting the primary meanwhile',
        misses: 'went on',
        final: true,
        thorough: true,
        steps: [{ does: 'restart', command: stage.type.docker('restart', 'db-primary') }],
      },
    ]
  },
  also: (stage, { gone, moment }) => [
    {
      does: 'leaving the restored database where it is, and copying with the poll first',
      steps: [{ does: 'restore', command: stage.type.verb('restore', '--to', moment) }, ...copied(stage, gone)],
    },
  ],
})

const isBack = (stage: Stage, poll: string): Promise<Finding> =>
  finding(
    'db-primary holds the deleted poll with every vote that it had',
    `the tables poll and vote: ${stage.type.session('db-primary')}`,
    async () => {
      const held = await stage.votesOn('db-primary', poll)
      const right = Object.entries(GONE).filter(([user, option]) => held[user] === option).length
      const all = Object.keys(GONE).length
      return { ok: right === all && Object.keys(held).length === all, seen: `${right} of its ${all} votes` }
    },
  )

/** What is on the restored database, copied into the primary: a poll before its votes. */
const copied = (stage: Stage, poll: string) =>
  [
    ['poll', `id = '${poll}'`],
    ['vote', `poll_id = '${poll}'`],
  ].map(([table, where]) => ({
    does: `Copy the deleted rows of the table ${table}`,
    command: `docker exec ${stage.type.restored} psql -d polling -c "copy (select * from ${table} where ${where}) to stdout" | ${stage.type.docker('exec -i', 'db-primary')} psql -d polling -c "copy ${table} from stdin"`,
  }))

const startOf = (stage: Stage): Promise<string> => stage.ask('db-primary', 'select pg_postmaster_start_time()')

const castThen = (stage: Stage, poll: string, moment: string): Promise<Finding> =>
  finding(
    'its votes are there as they were cast then',
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

const shown = (stage: Stage, poll: string): Promise<Finding> =>
  finding('the service shows its results', 'zx scripts/poll.ts results', async () => {
    const results = await stage.results(poll, 'primary')
    const seen = ['Pool', 'Library'].map((option) => `${option} ${results.get(option) ?? 0}`).join(', ')
    return { ok: seen === 'Pool 1, Library 2', seen }
  })

const wentOn = (stage: Stage, started: string): Promise<Finding> =>
  finding('db-primary went on all the time: nobody restarted it', stage.type.docker('logs', 'db-primary'), async () => {
    const same = (await startOf(stage)) === started
    return { ok: same, seen: same ? 'it did' : 'it was started again', final: !same }
  })
