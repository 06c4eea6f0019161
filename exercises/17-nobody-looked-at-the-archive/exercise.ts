import { z } from 'zod'
import {
  defineExercise,
  type Finding,
  finding,
  holdsVotes,
  isPrimary,
  type Stage,
} from '../../scripts/lab/exercise/face.ts'

const VOTES = { ann: 'Yes', bob: 'No', cid: 'Yes' }
/** As it was before the disk was moved. */
const OLD_COMMAND = 'cp %p /mnt/backup/%f'

export const exercise = defineExercise({
  minutes: 15,
  /** `waiting`: the segments that were not archived. */
  notes: z.object({ poll: z.string(), waiting: z.array(z.string()) }),
  async setup(stage) {
    const poll = await stage.createPoll('Free fruit?', ['Yes', 'No'])
    await stage.backup()
    await stage.change('db-primary', `alter system set archive_command = '${OLD_COMMAND}'`, 'select pg_reload_conf()')
    for (const [user, option] of Object.entries(VOTES)) {
      await stage.vote(poll, { [user]: option })
      await stage.change('db-primary', 'select pg_switch_wal()')
    }
    const waiting = await stage.until('archiving to fail', async () => {
      const { archiver } = await stage.backups()
      const segments = (await segmentsThatWait(stage)).split('\n')
      const fails = archiver?.failsSince != null && segments.length >= Object.keys(VOTES).length
      return fails ? { done: segments } : { seen: JSON.stringify(archiver) }
    })
    return { poll, waiting }
  },
  given: (_, { poll }) => [`the poll "Free fruit?"  ${poll}`],
  check: (stage, { poll, waiting }) =>
    Promise.all([
      arrives(stage),
      nothingIsMissing(stage, waiting),
      isPrimary(stage, 'db-primary'),
      holdsVotes(stage, 'db-primary', poll, VOTES),
    ]),
  hints: ({ type }) => [
    'zx scripts/status.ts warns of something, although every node is healthy. zx scripts/backup.ts check says more.',
    `What does the database run to archive a segment, and what comes of it? ${type.docker('logs', 'db-primary')} shows both.`,
    `show archive_command; and select * from pg_stat_archiver, in ${type.session('db-primary')}. Somebody set the command by hand.`,
    'alter system reset archive_command, and select pg_reload_conf(), give the command back that the lab has. After some failures PostgreSQL waits for a minute, or for the next segment: pg_switch_wal() ends that.',
  ],
  solution: (stage) => [
    { does: 'See what status warns of', command: stage.type.verb('status'), looks: true },
    { does: 'What does it run?', command: stage.type.psql('db-primary', 'show archive_command') },
    {
      does: 'Give the command back, and do not wait for the next segment',
      command: stage.type.psql(
        'db-primary',
        'alter system reset archive_command',
        'select pg_reload_conf()',
        'select pg_switch_wal()',
      ),
    },
    { does: 'Check it', command: stage.type.verb('backup', 'check') },
  ],
  tempting: (stage) => {
    const whole = 'no segment since the backup is missing'
    const settled = (command: string) => ({
      does: 'set it',
      command: `${stage.type.psql('db-primary', `alter system set archive_command = '${command}'`, 'select pg_reload_conf()', 'select pg_switch_wal()')}; for n in {1..50}; do ${stage.type.psql('db-primary', "select count(*) from pg_ls_archive_statusdir() where name like '%.ready'")} | grep -qx 0 && break; sleep 0.2; done; ${stage.type.psql('db-primary', 'checkpoint')}`,
    })
    const reset = {
      does: 'and giving the command back afterwards',
      command: stage.type.psql(
        'db-primary',
        'alter system reset archive_command',
        'select pg_reload_conf()',
        'select pg_switch_wal()',
      ),
    }
    return [
      {
        does: 'a command that always succeeds',
        misses: whole,
        final: true,
        steps: [settled('/bin/true')],
      },
      {
        does: 'a command that always succeeds, until the queue is empty',
        misses: whole,
        final: true,
        steps: [settled('/bin/true'), reset],
      },
      {
        does: 'restarting the primary',
        misses: 'the WAL arrives',
        steps: [
          { does: 'restart', command: stage.type.docker('restart', 'db-primary') },
          {
            does: 'wait',
            command: `for n in {1..100}; do ${stage.type.docker('exec', 'db-primary')} pg_isready -q && break; sleep 0.2; done`,
          },
        ],
      },
      {
        does: 'removing the notes of what waits',
        misses: whole,
        final: true,
        thorough: true,
        steps: [
          {
            does: 'remove',
            command: `${stage.type.docker('exec', 'db-primary')} bash -c 'rm $PGDATA/pg_wal/archive_status/*.ready'; ${stage.type.psql('db-primary', 'checkpoint')}`,
          },
          reset,
        ],
      },
      {
        does: 'switching archiving off',
        misses: 'the WAL arrives',
        thorough: true,
        steps: [{ does: 'off', command: stage.type.verb('backup', 'off') }],
      },
    ]
  },
  also: (stage) => [
    {
      does: 'giving the command back in another way, and making a new backup as well',
      steps: [
        {
          does: 'set it',
          command: stage.type.psql(
            'db-primary',
            "alter system set archive_command = 'bash /usr/local/bin/pgbackrest-archive %p'",
            'select pg_reload_conf()',
            'select pg_switch_wal()',
          ),
        },
        { does: 'back up', command: stage.type.verb('backup') },
      ],
    },
  ],
})

const segmentsThatWait = (stage: Stage): Promise<string> =>
  stage.ask('db-primary', "select left(name, 24) from pg_ls_archive_statusdir() where name like '%.ready' order by 1")

const arrives = (stage: Stage): Promise<Finding> =>
  finding('the WAL arrives in the archive, and none waits', 'zx scripts/backup.ts list', async () => {
    const { on, archiver } = await stage.backups()
    if (!on || archiver === null) return { ok: false, seen: 'archiving is off' }
    const { failsSince, waiting } = archiver
    const ok = failsSince === null && waiting === 0
    return {
      ok,
      seen: ok
        ? 'it does'
        : `${failsSince === null ? '' : `nothing has arrived since ${failsSince}; `}segments that wait: ${waiting}`,
    }
  })

/** A segment that is neither archived nor on the disk of the primary any more is lost. */
const nothingIsMissing = (stage: Stage, waiting: readonly string[]): Promise<Finding> =>
  finding('no segment since the backup is missing in the archive', 'zx scripts/backup.ts check', async () => {
    const { segments } = await stage.backups()
    const missing = waiting.filter((name) => !segments.includes(name))
    const wait = (await segmentsThatWait(stage)).split('\n')
    const lost = missing.filter((name) => !wait.includes(name))
    const seen =
      missing.length === 0 ? 'none is' : `${missing.join(', ')}${lost.length === 0 ? ' wait' : ': will never arrive'}`
    return { ok: missing.length === 0, seen, final: lost.length > 0 }
  })
