import {
  answered,
  defineExercise,
  holdsVotes,
  isPrimary,
  isStandby,
  namesIn,
  showsAll,
  takesVotes,
} from '../../scripts/lab/exercise/face.ts'
import { aPrimaryDies, EVERYWHERE, LOST, OPTIONS, Scene } from '../a-primary-dies.ts'

const SINCE = { fay: 'New', gus: 'Old' }

export const exercise = defineExercise({
  minutes: 20,
  notes: Scene,
  question: 'Which voters have their vote on db-primary only?',
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
      isStandby(stage, 'db-primary'),
      showsAll(stage, 'db-primary'),
      holdsVotes(stage, 'db-primary', poll, { ...EVERYWHERE, ...SINCE }, { only: true }),
      takesVotes(stage, 'primary', 'backup'),
      answered(
        'you know whose votes only db-primary had',
        'what is said, and kept in a file, before they are dropped',
        answer,
        (text) => namesIn(text, OPTIONS).join(' ') === LOST.join(' '),
      ),
    ]),
  hints: ({ type }) => [
    `Start it and see what it says: ${type.docker('start', 'db-primary')}, then ${type.docker('logs', 'db-primary')}. Why does it refuse?`,
    'Its history and that of the new primary parted. PostgreSQL has a tool that takes a database back to that point.',
    'zx scripts/rejoin.ts does all of it, and lists what is thrown away before it is.',
  ],
  solution: (stage) => [
    {
      does: 'Rewind the old primary to where the histories parted, and start it as a standby',
      command: `${stage.type.verb('rejoin', '--json')} | node -p 'JSON.parse(fs.readFileSync(0)).divergedVotes.map((vote) => vote.user).join(" ")'`,
      answers: true,
    },
    { does: 'See the roles swapped', command: stage.type.verb('status'), looks: true },
  ],
  tempting: (stage) => [
    {
      does: 'just starting it',
      misses: 'db-primary is a standby that streams',
      steps: [
        { does: 'start', command: stage.type.docker('start', 'db-primary') },
        { does: 'answer', command: `echo ${LOST.join(' ')}`, answers: true },
      ],
    },
  ],
})
