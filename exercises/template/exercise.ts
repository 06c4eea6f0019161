import { z } from 'zod'
import { defineExercise, holdsVotes } from '../../scripts/lab/exercise/face.ts'

const THERE = { bob: 'Coffee' }
const MISSING = { ann: 'Tea' }

export const exercise = defineExercise({
  // What teachers plan with: how long it takes somebody who knows what came before.
  minutes: 5,
  // What set-up leaves for the check: ids, positions, times. Kept as JSON.
  notes: z.object({ poll: z.string() }),
  // The lab is new when this is called. Wait for what you cause; start no clocks.
  async setup(stage) {
    const poll = await stage.createPoll('Tea or coffee?', ['Tea', 'Coffee'])
    await stage.vote(poll, THERE)
    return { poll }
  },
  // What the learner needs besides the brief.
  given: (_, { poll }) => [`the poll "Tea or coffee?"  ${poll}`],
  // Each finding in a sentence of what is expected; findings.ts has those that many exercises share.
  check: (stage, { poll }) => Promise.all([holdsVotes(stage, 'db-primary', poll, { ...THERE, ...MISSING })]),
  // From a nudge to nearly all.
  hints: () => ['Who has voted? Look into the table vote.', 'zx scripts/poll.ts can vote for anybody.'],
  // Commands as a learner would type them.
  solution: (stage, { poll }) => [
    { does: 'Cast her vote', command: stage.type.verb('poll', 'vote', poll, 'Tea', '--user', 'ann') },
  ],
  // What suggests itself and is wrong, and which finding says so: a part of its sentence.
  tempting: (stage, { poll }) => [
    {
      does: 'casting the vote in a name of our own',
      misses: 'holds these votes',
      steps: [{ does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'Tea', '--user', 'teacher') }],
    },
  ],
  // Other ways that are right. What takes long is tried by `verify --thorough` only: `thorough: true`.
  also: (stage, { poll }) => [
    {
      does: 'casting it on the other server, after a vote of somebody else',
      steps: [
        { does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'Coffee', '--user', 'cid') },
        {
          does: 'vote',
          command: `${stage.type.verb('poll', '--at', stage.type.endpoint('backup'), 'vote', poll)} Tea --user ann`,
        },
      ],
    },
  ],
})
