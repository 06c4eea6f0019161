import { z } from 'zod'
import { defineExercise, holdsVotes } from '../../scripts/lab/exercise/face.ts'

const THERE = { bob: 'Coffee' }
const MISSING = { ann: 'Tea' }

export const exercise = defineExercise({
  // How long it takes a learner who has done the earlier exercises. Teachers plan with it.
  minutes: 5,
  // What setup leaves for the check: ids, positions, times. Kept as JSON.
  notes: z.object({ poll: z.string() }),
  // The lab is new when this is called. Wait until you see what you caused; do not wait for a fixed time.
  async setup(stage) {
    const poll = await stage.createPoll('Tea or coffee?', ['Tea', 'Coffee'])
    await stage.vote(poll, THERE)
    return { poll }
  },
  // What the learner needs in addition to the brief.
  given: (_, { poll }) => [`the poll "Tea or coffee?"  ${poll}`],
  // Each finding says in a sentence what is expected. findings.ts has those that many exercises share.
  check: (stage, { poll }) => Promise.all([holdsVotes(stage, 'db-primary', poll, { ...THERE, ...MISSING })]),
  // The first hint says little, the last one nearly everything.
  // From a question to the command, three at least.
  hints: () => [
    'Who has voted? Look into the table vote.',
    'Ann has not. Somebody can vote for her.',
    'zx scripts/poll.ts can vote as any user: see its --help.',
  ],
  // Commands as a learner types them.
  solution: (stage, { poll }) => [
    { does: 'Cast her vote', command: stage.type.verb('poll', 'vote', poll, 'Tea', '--user', 'ann') },
  ],
  // Ways that look right and are wrong. After such a way one finding fails: `misses` is a part of its sentence.
  tempting: (stage, { poll }) => [
    {
      does: 'casting the vote as another user',
      misses: 'holds these votes',
      steps: [{ does: 'vote', command: stage.type.verb('poll', 'vote', poll, 'Tea', '--user', 'teacher') }],
    },
  ],
  // Other ways that are right. Mark a way that takes long `thorough: true`: only `verify --thorough` tries it.
  also: (stage, { poll }) => [
    {
      does: 'casting it on the other server, after a vote of another user',
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
