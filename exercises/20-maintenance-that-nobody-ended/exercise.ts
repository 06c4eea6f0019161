import { z } from 'zod'
import {
  defineExercise,
  type Finding,
  finding,
  holdsVotes,
  isPair,
  type Stage,
  takesVotes,
} from '../../scripts/lab/exercise/face.ts'

const OPTIONS = ['Monday', 'Friday']
const VOTES = { ann: 'Monday', bob: 'Friday', cid: 'Friday' }

export const exercise = defineExercise({
  minutes: 15,
  manager: 'patroni',
  notes: z.object({ poll: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('When shall we meet?', OPTIONS)
    await stage.voteEverywhere(poll, VOTES)
    await stage.pauseManager()
    await stage.fault('crash', 'db-primary')
    return { poll }
  },
  given: (_, { poll }) => [`the poll "When shall we meet?"  ${poll}`],
  check: (stage, { poll }) =>
    Promise.all([
      isPair(stage),
      takesVotes(stage, 'primary', 'backup'),
      watchesAgain(stage),
      holdsVotes(stage, 'db-replica', poll, VOTES),
    ]),
  hints: ({ type }) => [
    'zx scripts/status.ts shows what Patroni says. One word there says why nobody was promoted.',
    'In a pause Patroni promotes nobody and starts nothing by itself, but it promotes whom somebody orders.',
    'zx scripts/failover.ts orders it. Patroni brings the dead one back only when nothing keeps it from that.',
    `zx scripts/manager.ts --help; Patroni's own command does it too: ${type.docker('exec', 'db-replica')} patronictl --help`,
  ],
  solution: (stage) => [
    { does: 'Order the promotion of the standby', command: stage.type.verb('failover') },
    { does: 'End the pause', command: stage.type.verb('manager', 'resume') },
    { does: 'Bring the dead primary back as a standby', command: stage.type.verb('rejoin') },
  ],
  tempting: (stage) => [
    {
      does: 'a new primary, and the pause goes on',
      misses: 'Patroni promotes a standby by itself again',
      steps: [
        { does: 'failover', command: stage.type.verb('failover') },
        { does: 'start', command: stage.type.docker('start', 'db-primary') },
      ],
    },
    {
      does: 'ending the pause, and leaving the dead one where it is',
      misses: 'the other one streams from it',
      steps: [
        { does: 'resume', command: stage.type.verb('manager', 'resume') },
        { does: 'wait', command: stage.type.verb('failover') },
      ],
    },
    {
      does: 'only starting the dead one',
      misses: 'Patroni promotes a standby by itself again',
      thorough: true,
      steps: [{ does: 'start', command: stage.type.docker('start', 'db-primary') }],
    },
    {
      does: 'resetting the lab',
      misses: 'db-replica holds these votes',
      final: true,
      thorough: true,
      steps: [{ does: 'reset', command: stage.type.verb('reset') }],
    },
  ],
  also: (stage) => {
    const patronictl = `${stage.type.docker('exec', 'db-replica')} patronictl`
    return [
      {
        does: 'ending the pause first, and starting all that is down',
        steps: [
          { does: 'resume', command: stage.type.verb('manager', 'resume') },
          { does: 'start', command: stage.type.verb('setup') },
        ],
      },
      {
        does: "the same with Patroni's own command",
        thorough: true,
        steps: [
          { does: 'failover', command: `${patronictl} failover lab --candidate db-replica --force` },
          { does: 'resume', command: `${patronictl} resume --wait` },
          { does: 'rejoin', command: stage.type.verb('rejoin') },
        ],
      },
    ]
  },
})

/** Whether the next death of a primary would be noticed. */
const watchesAgain = (stage: Stage): Promise<Finding> =>
  finding('Patroni promotes a standby by itself again', 'zx scripts/status.ts', async () => {
    const { view } = (await stage.status()).manager
    if (view === null) return { ok: false, seen: 'no Patroni answers' }
    return { ok: !view.paused, seen: view.paused ? 'it is paused' : 'it is not paused' }
  })
