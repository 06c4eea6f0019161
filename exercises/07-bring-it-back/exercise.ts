import {
  answered,
  compareVotes,
  defineExercise,
  type Finding,
  finding,
  holdsVotes,
  isPrimary,
  isStandby,
  namesIn,
  type Stage,
  type Step,
  showsAll,
  takesVotes,
} from '../../scripts/lab/exercise/face.ts'
import { aPrimaryDies, EVERYWHERE, LOST, OPTIONS, Scene } from '../a-primary-dies.ts'

const SINCE = { fay: 'New', gus: 'Old' }

export const exercise = defineExercise({
  minutes: 20,
  notes: Scene,
  question: 'Whose votes did only db-primary have?',
  async setup(stage) {
    const scene = await aPrimaryDies(stage)
    await stage.failover()
    await stage.vote(scene.poll, SINCE)
    return scene
  },
  given: (_, { poll }) => [`the poll "The new logo?"  ${poll}`],
  check: (stage, { poll }, answer) =>
    Promise.all([
      isPrimary(stage, 'db-replica'),
      isStandby(stage, 'db-primary', stage.type.docker('logs', 'db-primary')),
      showsAll(stage, 'db-primary'),
      showsTheSame(stage, poll),
      holdsVotes(stage, 'db-replica', poll, { ...EVERYWHERE, ...SINCE }),
      takesVotes(stage, 'primary', 'backup'),
      answered(
        'you know whose votes only db-primary had',
        'the data of db-primary, until something overwrites it',
        answer,
        (text) => namesIn(text, OPTIONS).join(' ') === LOST.join(' '),
      ),
    ]),
  hints: ({ type }) => [
    `Start it and see what it says: ${type.docker('start', 'db-primary')}, then ${type.docker('logs', 'db-primary')}. Why does it refuse?`,
    'At some point its history and the history of the new primary separate. PostgreSQL has a tool that takes a database back to that point.',
    'zx scripts/rejoin.ts does all of it. Before it throws votes away, it lists them.',
  ],
  solution: (stage) => [
    {
      does: 'Rewind the old primary to the point where the histories separate, and start it as a standby',
      command: `${stage.type.verb('rejoin', '--json')} | node -p 'JSON.parse(fs.readFileSync(0)).standbys[0].divergedVotes.map((vote) => vote.user).join(" ")'`,
      answers: true,
    },
    { does: 'See that the roles are swapped', command: stage.type.verb('status'), looks: true },
  ],
  tempting: (stage, { poll }) => {
    const rejoin = { does: 'rejoin', command: stage.type.verb('rejoin') }
    return [
      {
        does: 'just starting it',
        misses: 'db-primary is a standby that streams',
        steps: [{ does: 'start', command: stage.type.docker('start', 'db-primary') }, answer(...LOST)],
      },
      {
        does: 'bringing it back, and looking at nothing',
        misses: 'whose votes only db-primary had',
        steps: [rejoin, answer('nobody')],
      },
      {
        does: 'naming those who voted after the failover',
        misses: 'whose votes only db-primary had',
        thorough: true,
        steps: [rejoin, answer(...Object.keys(SINCE))],
      },
      {
        does: 'making it a standby by hand, although its history does not fit',
        misses: 'db-primary is a standby that streams',
        thorough: true,
        steps: [
          {
            does: 'a standby',
            command: `printf '%s\\n' do=follow from=db-replica | ${intoVolume(stage, 'start-note')}`,
          },
          { does: 'start', command: stage.type.docker('start', 'db-primary') },
          { does: 'wait', command: 'sleep 4' },
          answer(...LOST),
        ],
      },
      {
        does: 'bringing it back, and swapping the roles',
        misses: 'db-replica is the primary',
        thorough: true,
        steps: [rejoin, { does: 'swap', command: stage.type.verb('switchover') }, answer(...LOST)],
      },
      {
        does: 'bringing it back, and shutting it down',
        misses: 'db-primary is a standby that streams',
        thorough: true,
        steps: [rejoin, { does: 'stop', command: stage.type.docker('stop', 'db-primary') }, answer(...LOST)],
      },
      {
        does: 'bringing it back, and pausing its replay',
        misses: 'db-primary shows all that the primary has',
        thorough: true,
        steps: [
          rejoin,
          { does: 'pause', command: stage.type.verb('fault', 'replay-pause', 'db-primary') },
          { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'New', '--user', 'hal') },
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
    const rejoin = { does: 'rejoin', command: stage.type.verb('rejoin') }
    return [
      {
        does: 'starting it first, and casting the lost votes again at the end',
        steps: [
          { does: 'start', command: stage.type.docker('start', 'db-primary') },
          { does: 'look', command: stage.type.docker('logs', 'db-primary') },
          rejoin,
          { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'New', '--user', 'dora') },
          { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'Old', '--user', 'emil') },
          answer('dora New, emil Old'),
        ],
      },
      {
        does: 'replacing its data by a new copy of the primary',
        thorough: true,
        steps: [
          {
            does: 'remove it, with its data',
            command: [
              `volumes=$(${stage.type.docker(`inspect -f '{{range .Mounts}}{{.Name}} {{end}}'`, 'db-primary')})`,
              stage.type.docker('rm -f', 'db-primary'),
              'docker volume rm $volumes',
            ].join(' && '),
          },
          { does: 'set up', command: stage.type.verb('setup') },
          answer('emil and dora'),
        ],
      },
      {
        does: 'bringing it back twice, with votes of others between',
        thorough: true,
        steps: [
          rejoin,
          { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'New', '--user', 'hal') },
          rejoin,
          { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'New', '--user', 'ida') },
          answer(...LOST),
        ],
      },
      {
        does: 'bringing it back, and restarting it with a clean shutdown',
        thorough: true,
        steps: [
          rejoin,
          { does: 'restart', command: stage.type.docker('restart', 'db-primary') },
          { does: 'wait', command: stage.type.verb('setup') },
          answer(...LOST),
        ],
      },
    ]
  },
})

const answer = (...names: readonly string[]): Step => ({
  does: 'answer',
  command: `echo ${names.join(', ')}`,
  answers: true,
})

/** A command that writes its input into a file of db-primary's volume; db-primary does not run. */
const intoVolume = (stage: Stage, name: string): string =>
  `(file=$(mktemp); cat > $file; chmod 644 $file; ${stage.type.docker('cp $file', 'db-primary')}:/var/lib/postgresql/${name}; rm $file)`

/** Both databases have the same votes, whatever votes came in since. */
const showsTheSame = (stage: Stage, poll: string): Promise<Finding> =>
  finding(
    'db-primary holds exactly the votes that db-replica has',
    `the table vote: ${stage.type.session('db-primary')}`,
    async () => {
      const [here, there] = await Promise.all([stage.votesOn('db-primary', poll), stage.votesOn('db-replica', poll)])
      const { ok, seen } = compareVotes(here, there, { only: true, named: false })
      return { ok, seen }
    },
  )
