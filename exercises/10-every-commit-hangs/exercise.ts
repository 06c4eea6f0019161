import { z } from 'zod'
import { defineExercise, finding, hasLevel, holdsVotes, isDown, isPrimary } from '../../scripts/lab/exercise/face.ts'

const VOTES = { ann: 'Monday', bob: 'Friday' }

export const exercise = defineExercise({
  minutes: 15,
  notes: z.object({ poll: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('Release day?', ['Monday', 'Friday'])
    await stage.vote(poll, VOTES)
    await stage.setLevel('on')
    await stage.fault('crash', 'db-replica')
    return { poll }
  },
  given: (_, { poll }) => [`the poll "Release day?"  ${poll}`],
  check: (stage, { poll }) =>
    Promise.all([
      finding('no commit waits for a standby that is not there', 'zx scripts/replication.ts', async () => {
        const { hangs, waitingCommits } = await stage.replication()
        return { ok: !hangs, seen: hangs ? `every commit would wait; ${waitingCommits} do now` : 'commits go through' }
      }),
      hasLevel(stage, 'can be kept without a standby', 'async'),
      isDown(stage, 'db-replica'),
      isPrimary(stage, 'db-primary'),
      holdsVotes(stage, 'db-primary', poll, VOTES),
    ]),
  hints: () => [
    'Vote, and look while it hangs: what does the waiting process wait for? As the superuser of db-primary you see it in pg_stat_activity: wait_event.',
    'zx scripts/replication.ts says what a commit waits for, and whether that can come.',
    'As long as the standby is away no level but one can be kept. Choosing it is the decision that is asked of you.',
    'zx scripts/replication.ts async',
  ],
  solution: (stage) => [
    { does: 'What does a commit wait for?', command: stage.type.verb('replication') },
    { does: 'Go on without the standby, knowing what that risks', command: stage.type.verb('replication', 'async') },
  ],
  tempting: (stage) => [
    {
      does: 'restarting the primary',
      misses: 'no commit waits for a standby',
      steps: [{ does: 'restart', command: stage.type.docker('restart', 'db-primary') }],
    },
    {
      does: 'starting the standby, which is in the workshop',
      misses: 'db-replica stays down',
      steps: [{ does: 'start', command: stage.type.docker('start', 'db-replica') }],
    },
  ],
})
