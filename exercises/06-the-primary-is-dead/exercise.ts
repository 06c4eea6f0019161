import {
  answered,
  cannotComeBack,
  defineExercise,
  type Finding,
  finding,
  holdsVotes,
  isPrimary,
  namesIn,
  type Stage,
  type Step,
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
  check: (stage, { poll, diedAt }, answer) =>
    Promise.all([
      hadNoPower(stage, poll, diedAt),
      isPrimary(stage, 'db-replica'),
      cannotComeBack(stage, 'db-primary'),
      takesVotes(stage, 'primary', 'backup'),
      holdsVotes(stage, 'db-replica', poll, EVERYWHERE, { told: 'every vote that had reached it' }),
      answered(
        'you know whose acknowledged votes are gone',
        "the clients' record, compared with the votes on the new primary",
        answer,
        (text) => namesIn(text, OPTIONS).join(' ') === LOST.join(' '),
      ),
    ]),
  hints: () => [
    'Before you promote: how do you make sure that the old primary does not come back as a second primary?',
    'zx scripts/failover.ts --help. docs/failover.md says what each step proves.',
    'What did the failover say about WAL that only db-primary had? Those bytes are votes. The clients know which votes were acknowledged.',
    'List who has voted on the new primary (the table vote). Who is in the record, but not in that list?',
  ],
  solution: (stage, { poll }) => [
    { does: 'Fence the old primary, promote the standby, see that it serves', command: stage.type.verb('failover') },
    {
      does: 'Who is in the record of acknowledged votes, but has no vote on the new primary?',
      command: `comm -23 <(printf '%s\\n' ${Object.keys({ ...EVERYWHERE, ...ONLY_ON_THE_OLD }).join(' ')} | sort) <(${stage.type.psql('db-replica', `select user_id from vote where poll_id = '${poll}'`)} | sort)`,
      answers: true,
    },
  ],
  tempting: (stage) => {
    const failover = { does: 'fail over', command: stage.type.verb('failover') }
    const powered = [
      { does: 'start', command: stage.type.docker('start', 'db-primary') },
      { does: 'wait', command: stage.type.verb('setup') },
    ]
    return [
      {
        does: 'promoting the standby, and leaving the old primary as it is',
        misses: 'db-primary cannot become a second primary',
        steps: [{ does: 'promote', command: PROMOTE(stage) }, answer(...LOST)],
      },
      {
        does: 'failing over, and believing that nothing is lost',
        misses: 'whose acknowledged votes are gone',
        steps: [failover, answer('nobody')],
      },
      {
        does: 'starting the machine that has no power, and failing over when all votes have arrived',
        misses: 'db-primary has been without power',
        final: true,
        steps: [
          ...powered,
          { does: 'kill', command: stage.type.docker('kill', 'db-primary') },
          failover,
          answer('nobody'),
        ],
      },
      {
        does: 'healing the crash of a machine that has no power',
        misses: 'db-replica is the primary',
        final: true,
        thorough: true,
        steps: [{ does: 'heal', command: stage.type.verb('fault', 'heal') }, answer('nobody')],
      },
      {
        does: 'running setup, then failing over, with the right answer',
        misses: 'db-primary has been without power',
        final: true,
        thorough: true,
        steps: [{ does: 'set up', command: stage.type.verb('setup') }, failover, answer(...LOST)],
      },
      {
        does: 'naming one of two',
        misses: 'whose acknowledged votes are gone',
        thorough: true,
        steps: [failover, answer('dora')],
      },
      {
        does: 'naming one too many',
        misses: 'whose acknowledged votes are gone',
        thorough: true,
        steps: [failover, answer('ann', ...LOST)],
      },
      {
        does: 'promoting, and starting the old one',
        misses: 'db-primary cannot become a second primary',
        thorough: true,
        steps: [
          { does: 'promote', command: PROMOTE(stage) },
          { does: 'start', command: stage.type.docker('start', 'db-primary') },
          { does: 'wait', command: 'sleep 3' },
          answer(...LOST),
        ],
      },
      {
        does: 'promoting, and only telling the engine not to restart the old one',
        misses: 'db-primary cannot become a second primary',
        thorough: true,
        steps: [
          { does: 'promote', command: PROMOTE(stage) },
          { does: 'never restart it', command: stage.type.docker('update --restart=no', 'db-primary') },
          answer(...LOST),
        ],
      },
      {
        does: 'resetting the lab',
        misses: 'db-replica is the primary',
        final: true,
        thorough: true,
        steps: [{ does: 'reset', command: stage.type.verb('reset') }, answer(...LOST)],
      },
    ]
  },
  also: (stage, { poll }) => {
    const failover = { does: 'fail over', command: stage.type.verb('failover') }
    return [
      {
        does: 'trying the fence, so that the engine starts the old primary again and again',
        steps: [
          failover,
          { does: 'start', command: stage.type.docker('start', 'db-primary') },
          { does: 'let it try', command: 'sleep 3' },
          answer('The votes of Dora and Emil are gone'),
        ],
      },
      {
        does: 'bringing the old primary back as a standby at once',
        thorough: true,
        steps: [failover, { does: 'rejoin', command: stage.type.verb('rejoin') }, answer('dora New', 'emil Old')],
      },
      {
        does: 'a fence by hand, and a promotion by hand',
        thorough: true,
        steps: [
          { does: 'fence', command: putIntoVolume(stage, 'fenced=yes', 'start-note') },
          { does: 'promote', command: PROMOTE(stage) },
          answer(...LOST),
        ],
      },
      {
        does: 'making the old primary a standby by hand, and a promotion by hand',
        thorough: true,
        steps: [
          { does: 'a standby at its next start', command: putIntoVolume(stage, '', 'data/standby.signal') },
          { does: 'promote', command: PROMOTE(stage) },
          answer(...LOST),
        ],
      },
      {
        does: 'casting one of the lost votes again, and running setup',
        thorough: true,
        steps: [
          failover,
          { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'New', '--user', 'dora') },
          { does: 'set up', command: stage.type.verb('setup') },
          answer('emil, dora'),
        ],
      },
      {
        does: 'failing over twice',
        thorough: true,
        steps: [failover, failover, answer(...LOST)],
      },
    ]
  },
})

const answer = (...names: readonly string[]): Step => ({
  does: 'answer',
  command: `echo ${names.join(', ')}`,
  answers: true,
})

const PROMOTE = (stage: Stage): string => stage.type.psql('db-replica', 'select pg_promote()')

/** Puts a file into the volume of the old primary, which does not run. */
const putIntoVolume = (stage: Stage, text: string, name: string): string =>
  [
    'file=$(mktemp)',
    `printf '%s\\n' '${text}' > $file`,
    'chmod 644 $file',
    `${stage.type.docker('cp $file', 'db-primary')}:/var/lib/postgresql/${name}`,
    'rm $file',
  ].join(' && ')

/** The machine is off, so nobody can start its database. If somebody did, the votes that only it had reached the standby. */
const hadNoPower = (stage: Stage, poll: string, diedAt: string): Promise<Finding> =>
  finding(
    'db-primary has been without power until its fence, as in the story',
    `the table vote: ${stage.type.session('db-replica')}`,
    async () => {
      const arrived = await stage.ask(
        'db-replica',
        `select count(*) from vote where poll_id = '${poll}' and user_id in ('${LOST.join("', '")}') and cast_at < '${diedAt}'`,
      )
      return {
        ok: arrived === '0',
        seen: arrived === '0' ? 'it has' : 'db-primary ran, and db-replica received the votes that only db-primary had',
        final: arrived !== '0',
      }
    },
  )
