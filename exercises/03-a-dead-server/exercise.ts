import { z } from 'zod'
import { defineExercise, holdsVotes, isBalanced, isHealthy, takesVotes } from '../../scripts/lab/exercise/face.ts'

const VOTES = { ann: 'Yes', bob: 'No', cid: 'Yes' }

export const exercise = defineExercise({
  minutes: 10,
  notes: z.object({ poll: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('A quieter office?', ['Yes', 'No'])
    await stage.fault('crash', 'backup')
    await stage.vote(poll, VOTES)
    return { poll }
  },
  given: (_, { poll }) => [`the poll "A quieter office?"  ${poll}`],
  check: (stage, { poll }) =>
    Promise.all([
      isHealthy(stage, 'backup'),
      isHealthy(stage, 'primary'),
      isHealthy(stage, 'loader'),
      isBalanced(stage),
      takesVotes(stage, 'primary', 'backup'),
      holdsVotes(stage, 'db-primary', poll, VOTES),
    ]),
  hints: ({ type }) => [
    'Vote a few times through the balancer: does anything fail? Then ask each server by itself.',
    'status names every node. What is the container of the dead one doing, and what did it say last?',
    `The balancer tells in its log whom it tried: ${type.docker('logs', 'loader')}.`,
    'A container that was killed by hand stays down: docker start brings it back. zx scripts/setup.ts would too.',
  ],
  solution: (stage) => [
    { does: 'Who is not healthy?', command: stage.type.verb('status'), looks: true },
    { does: 'Bring it back', command: stage.type.docker('start', 'backup') },
    { does: 'See that nothing else is missing, and wait until all are healthy', command: stage.type.verb('setup') },
  ],
  tempting: (stage) => [
    {
      does: 'restarting the balancer',
      misses: 'backup is healthy',
      steps: [{ does: 'restart it', command: stage.type.docker('restart', 'loader') }],
    },
  ],
})
