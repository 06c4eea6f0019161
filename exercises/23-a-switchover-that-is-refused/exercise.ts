import { z } from 'zod'
import {
  defineExercise,
  hasLevel,
  holdsVotes,
  isGroup,
  isPrimary,
  type Stage,
  takesVotes,
} from '../../scripts/lab/exercise/face.ts'

const OPTIONS = ['Stairs', 'Lift']
const VOTES = { ann: 'Stairs', bob: 'Lift', cid: 'Stairs' }
const WANTED = 'db-replica-2'
const RACK = ['db-primary', 'db-replica'] as const

export const exercise = defineExercise({
  minutes: 20,
  manager: 'patroni',
  standbys: 2,
  notes: z.object({ poll: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('How do we go up?', OPTIONS)
    // With the tag Patroni makes the other one the synchronous standby.
    await stage.exclude(WANTED)
    await stage.setLevel('on')
    await stage.voteEverywhere(poll, VOTES)
    return { poll }
  },
  given: (_, { poll }) => [`the poll "How do we go up?"  ${poll}`],
  check: (stage, { poll }) =>
    Promise.all([
      isPrimary(stage, WANTED),
      isGroup(stage, WANTED, ...RACK),
      hasLevel(stage, 'keeps every acknowledged vote when any one machine is lost', 'on', 'remote_apply'),
      takesVotes(stage, 'primary', 'backup'),
      holdsVotes(stage, WANTED, poll, VOTES),
    ]),
  hints: ({ type }) => [
    `zx scripts/switchover.ts --to ${WANTED} asks Patroni, and shows its words. zx scripts/manager.ts show says what it knows of each member.`,
    `The tag is in a file of that machine, under /run/failover-lab: ${type.docker('exec', WANTED)} cat /run/failover-lab/patroni.yml. Patroni reads the file when it starts, or when patronictl reload tells it to.`,
    'Commits wait for one standby, and Patroni gives the place of the primary to that one only. zx scripts/replication.ts --help shows how to let each standby count.',
    `After ${type.docker('restart', WANTED)} the file has no tag. Then zx scripts/replication.ts on --quorum 1, and the switchover again.`,
  ],
  solution: (stage) => [
    { does: 'Ask for it, and read why not', command: stage.type.verb('switchover', '--to', WANTED), looks: true },
    { does: 'See what Patroni knows of each member', command: stage.type.verb('manager', 'show') },
    ...untag(stage),
    {
      does: 'Let each standby count: Patroni may give the place of the primary to any of them',
      command: stage.type.verb('replication', 'on', '--quorum', '1'),
    },
    { does: 'Switch over', command: stage.type.verb('switchover', '--to', WANTED) },
  ],
  tempting: (stage) => [
    {
      does: 'taking the standby that Patroni offers',
      misses: `${WANTED} is the primary`,
      steps: [{ does: 'switch', command: stage.type.verb('switchover') }],
    },
    {
      does: 'giving up the level for the switchover, and forgetting it',
      misses: 'keeps every acknowledged vote',
      steps: [
        ...untag(stage),
        { does: 'async', command: stage.type.verb('replication', 'async') },
        { does: 'switch', command: stage.type.verb('switchover', '--to', WANTED) },
      ],
    },
    {
      does: 'promoting it by hand, behind the back of Patroni',
      misses: `${WANTED} is the primary`,
      thorough: true,
      steps: [
        { does: 'promote', command: stage.type.psql(WANTED, 'select pg_promote()') },
        { does: 'wait', command: `${stage.type.verb('setup')} || true` },
      ],
    },
    {
      does: 'resetting the lab',
      misses: `${WANTED} holds these votes`,
      final: true,
      thorough: true,
      steps: [{ does: 'reset', command: stage.type.verb('reset') }],
    },
  ],
  also: (stage) => [
    {
      does: 'starting the machine again, which writes its file again, and the level of one standby at the end',
      steps: [
        { does: 'restart', command: stage.type.docker('restart', WANTED) },
        { does: 'wait', command: stage.type.verb('setup') },
        { does: 'quorum', command: stage.type.verb('replication', 'on', '--quorum', '1') },
        { does: 'switch', command: stage.type.verb('switchover', '--to', WANTED) },
        { does: 'as before', command: stage.type.verb('replication', 'on') },
      ],
    },
    {
      does: 'making it the synchronous standby while the other one is down',
      thorough: true,
      steps: [
        ...untag(stage),
        { does: 'stop', command: stage.type.docker('stop', 'db-replica') },
        {
          does: 'wait',
          command: `for n in {1..150}; do ${stage.type.docker('exec', 'db-primary')} patronictl list | grep -q '${WANTED}.*Sync' && break; sleep 0.2; done`,
        },
        { does: 'switch', command: stage.type.verb('switchover', '--to', WANTED) },
        { does: 'start', command: stage.type.docker('start', 'db-replica') },
        { does: 'wait', command: stage.type.verb('setup') },
      ],
    },
  ],
})

const untag = (stage: Stage) => [
  {
    does: 'Remove the tag from the file of that machine',
    command: `${stage.type.docker('exec', WANTED)} sed -i '/nofailover/d' /run/failover-lab/patroni.yml`,
  },
  {
    does: 'Let Patroni read its file again',
    command: `${stage.type.docker('exec', WANTED)} patronictl reload lab ${WANTED} --force`,
  },
]
