import { z } from 'zod'
import {
  answered,
  defineExercise,
  type Finding,
  finding,
  holdsVotes,
  isPrimary,
  type Stage,
} from '../../scripts/lab/exercise/face.ts'

const VOTES = { ann: 'Yes', bob: 'No', cid: 'Yes', dora: 'No' }

export const exercise = defineExercise({
  minutes: 15,
  question: 'Which segment of WAL is missing in the archive?',
  /** `missing`: its name. `old`: the label of the backup before it. */
  notes: z.object({ poll: z.string(), missing: z.string(), old: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('Free fruit?', ['Yes', 'No'])
    await stage.backup()
    for (const [user, option] of Object.entries(VOTES)) {
      await stage.vote(poll, { [user]: option })
      await stage.change('db-primary', 'select pg_switch_wal()')
    }
    const { segments, old } = await stage.until('the segments to be archived', async () => {
      const { backups, segments, archiver } = await stage.backups()
      const [backup] = backups
      const after = segments.filter((name) => name > (backup?.firstSegment ?? ''))
      const done = archiver?.waiting === 0 && after.length >= Object.keys(VOTES).length
      return done ? { done: { segments: after, old: backup?.label ?? '' } } : { seen: after.join(', ') }
    })
    const missing = segments[1] ?? ''
    await stage.loseSegment(missing)
    return { poll, missing, old }
  },
  given: (_, { poll }) => [`the poll "Free fruit?"  ${poll}`],
  check: (stage, { poll, missing, old }, answer) =>
    Promise.all([
      answered(
        'the segment that is missing is named',
        'zx scripts/backup.ts check',
        answer,
        (given) => given.trim().toUpperCase() === missing,
      ),
      canGoBack(stage, missing),
      keeps(stage, old),
      isPrimary(stage, 'db-primary'),
      holdsVotes(stage, 'db-primary', poll, VOTES),
    ]),
  hints: ({ type }) => [
    'Is WAL arriving? Is each file whole? Is any missing between two others? These are three questions.',
    `The names of the segments are numbers: ${type.docker('exec', 'db-primary')} find /var/lib/pgbackrest/archive -name '0*-*'. zx scripts/backup.ts check compares them for you.`,
    'What was lost does not come back. From where on would a restore have to begin, so that it does not need it?',
    'zx scripts/backup.ts makes a new backup; then zx scripts/exercise.ts check --answer with the name of the segment.',
  ],
  solution: (stage) => [
    {
      does: 'Which segment is missing?',
      command: `${stage.type.verb('backup', 'list')} | sed -n 's/.*segment \\([0-9A-F]*\\) is missing.*/\\1/p'`,
      answers: true,
    },
    { does: 'Make a backup that does not need it', command: stage.type.verb('backup') },
  ],
  tempting: (stage) => {
    const from = 'a restore can begin after the gap'
    return [
      {
        does: 'asking the tool that made the backup, and believing it',
        misses: from,
        steps: [
          { does: 'verify', command: `${stage.type.docker('exec', 'db-primary')} pgbackrest --stanza=lab verify` },
        ],
      },
      {
        does: 'starting again with an empty repository',
        misses: 'the old backup is still there',
        final: true,
        steps: [
          { does: 'discard', command: stage.type.verb('backup', 'off', '--discard') },
          { does: 'back up', command: stage.type.verb('backup') },
        ],
      },
      {
        does: 'switching archiving off and on',
        misses: from,
        thorough: true,
        steps: [{ does: 'off', command: stage.type.verb('backup', 'off') }],
      },
    ]
  },
  also: (stage, { missing }) => [
    {
      does: 'a backup of what has changed since the last one, which is enough',
      steps: [
        { does: 'name it', command: `echo ${missing}`, answers: true },
        { does: 'back up', command: stage.type.verb('backup', '--type', 'incr') },
      ],
    },
  ],
})

const canGoBack = (stage: Stage, missing: string): Promise<Finding> =>
  finding('a restore can begin after the gap, and WAL arrives', 'zx scripts/backup.ts list', async () => {
    const { on, archiver, backups } = await stage.backups()
    const after = backups.filter(({ firstSegment }) => firstSegment > missing).map(({ label }) => label)
    const ok = on && archiver?.failsSince === null && after.length > 0
    const from = after.length === 0 ? 'no backup is newer than the gap' : `from ${after.join(', ')}`
    return { ok, seen: on ? from : `${from}; archiving is off` }
  })

const keeps = (stage: Stage, old: string): Promise<Finding> =>
  finding('the old backup is still there', 'zx scripts/backup.ts list', async () => {
    const there = (await stage.backups()).backups.some(({ label }) => label === old)
    return { ok: there, seen: there ? 'it is' : 'it is gone', final: !there }
  })
