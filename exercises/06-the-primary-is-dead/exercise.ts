import {
  answered,
  cannotComeBack,
  defineExercise,
  holdsVotes,
  isPrimary,
  namesIn,
  takesVotes,
  votesInWords,
} from '../../scripts/lab/exercise/face.ts'
import { aPrimaryDies, EVERYWHERE, LOST, ONLY_ON_THE_OLD, OPTIONS, Scene } from '../a-primary-dies.ts'

export const exercise = defineExercise({
  minutes: 20,
  notes: Scene,
  question: 'Whose acknowledged votes are gone?',
  setup: aPrimaryDies,
  given: (_, { poll }) => [
    `the poll "The new logo?"  ${poll}`,
    `the clients' own record of votes that were acknowledged: ${votesInWords({ ...EVERYWHERE, ...ONLY_ON_THE_OLD })}`,
  ],
  check: (stage, { poll }, answer) =>
    Promise.all([
      isPrimary(stage, 'db-replica'),
      cannotComeBack(stage, 'db-primary'),
      takesVotes(stage, 'primary', 'backup'),
      holdsVotes(stage, 'db-replica', poll, EVERYWHERE, { told: 'every vote that had reached it' }),
      answered(
        'you know whose acknowledged votes are gone',
        "the clients' record, held against what the new primary holds",
        answer,
        (text) => namesIn(text, OPTIONS).join(' ') === LOST.join(' '),
      ),
    ]),
  hints: () => [
    'Before you promote: how do you make sure that the old primary does not come back as a second one?',
    'zx scripts/failover.ts --help. docs/failover.md says what each of its steps proves.',
    'What did it say of WAL that only db-primary had? Those bytes are votes; the clients know which were acknowledged.',
    'List who has voted on the new primary (the table vote), and see who of the record is missing.',
  ],
  solution: (stage, { poll }) => [
    { does: 'Fence the old primary, promote the standby, see that it serves', command: stage.type.verb('failover') },
    {
      does: 'Who of those who were told that their vote counts has none?',
      command: `comm -23 <(printf '%s\\n' ${Object.keys({ ...EVERYWHERE, ...ONLY_ON_THE_OLD }).join(' ')} | sort) <(${stage.type.psql('db-replica', `select user_id from vote where poll_id = '${poll}'`)} | sort)`,
      answers: true,
    },
  ],
  tempting: (stage) => [
    {
      does: 'promoting the standby, and leaving the old primary as it is',
      misses: 'db-primary is fenced',
      steps: [
        { does: 'promote', command: stage.type.psql('db-replica', 'select pg_promote()') },
        { does: 'answer', command: `echo ${LOST.join(', ')}`, answers: true },
      ],
    },
    {
      does: 'failing over, and believing that nothing is lost',
      misses: 'whose acknowledged votes are gone',
      steps: [
        { does: 'fail over', command: stage.type.verb('failover') },
        { does: 'answer', command: 'echo nobody', answers: true },
      ],
    },
  ],
})
