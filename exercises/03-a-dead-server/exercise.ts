import { z } from 'zod'
import { allHealthy, defineExercise, holdsVotes, isBalanced, takesVotes } from '../../scripts/lab/exercise/face.ts'

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
      allHealthy(stage),
      isBalanced(stage),
      takesVotes(stage, 'primary', 'backup'),
      holdsVotes(stage, 'db-primary', poll, VOTES),
    ]),
  hints: ({ type }) => [
    'Vote a few times through the balancer. Does anything fail? Then ask each server directly.',
    'status shows every node. What does the container of the dead node do, and what did it log last?',
    `The log of the balancer says which servers it tried: ${type.docker('logs', 'loader')}.`,
    'A container that was killed by hand stays down. docker start brings it back, and so does zx scripts/setup.ts.',
  ],
  solution: (stage) => [
    { does: 'Which node is not healthy?', command: stage.type.verb('status'), looks: true },
    { does: 'Bring it back', command: stage.type.docker('start', 'backup') },
    { does: 'Start what else is missing, and wait until all nodes are healthy', command: stage.type.verb('setup') },
  ],
  tempting: (stage, { poll }) => [
    {
      does: 'restarting the balancer',
      misses: 'every node is healthy',
      steps: [{ does: 'restart it', command: stage.type.docker('restart', 'loader') }],
    },
    {
      does: 'resetting the lab',
      misses: 'db-primary holds these votes',
      final: true,
      steps: [{ does: 'reset', command: stage.type.verb('reset') }],
    },
    {
      does: 'voting more, since nothing fails',
      misses: 'sends calls to both servers',
      thorough: true,
      steps: ['dan', 'eve', 'fay'].map((user) => ({
        does: 'vote',
        command: stage.type.verb('poll', 'vote', poll, 'Yes', '--user', user),
      })),
    },
    {
      does: 'bringing it back, cut off from the balancer',
      misses: 'sends calls to both servers',
      thorough: true,
      steps: [
        { does: 'start', command: stage.type.docker('start', 'backup') },
        { does: 'wait', command: stage.type.verb('setup') },
        { does: 'cut', command: stage.type.verb('fault', 'reject', 'backup', 'loader') },
      ],
    },
    {
      does: 'bringing it back, and stopping the other one',
      misses: 'every node is healthy',
      thorough: true,
      steps: [
        { does: 'start', command: stage.type.docker('start', 'backup') },
        { does: 'stop', command: stage.type.docker('stop', 'primary') },
      ],
    },
    {
      does: 'bringing it back, frozen',
      misses: 'every node is healthy',
      thorough: true,
      steps: [
        { does: 'start', command: stage.type.docker('start', 'backup') },
        { does: 'freeze', command: stage.type.docker('pause', 'backup') },
      ],
    },
  ],
  also: (stage, { poll }) => [
    {
      does: 'healing what is broken',
      steps: [{ does: 'heal', command: stage.type.verb('fault', 'heal') }],
    },
    {
      does: 'bringing up what is missing, with votes of others before and after',
      thorough: true,
      steps: [
        { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'No', '--user', 'dan') },
        { does: 'set up', command: stage.type.verb('setup') },
        { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'No', '--user', 'eve') },
      ],
    },
    {
      does: 'a new container in place of the dead one',
      thorough: true,
      steps: [
        { does: 'remove', command: stage.type.docker('rm -f', 'backup') },
        { does: 'set up', command: stage.type.verb('setup') },
      ],
    },
    {
      does: 'restarting everything',
      thorough: true,
      steps: [
        { does: 'start', command: stage.type.docker('start', 'backup') },
        { does: 'restart', command: stage.type.docker('restart', 'loader') },
        { does: 'restart', command: stage.type.docker('restart', 'primary') },
        { does: 'wait', command: stage.type.verb('setup') },
      ],
    },
  ],
})
