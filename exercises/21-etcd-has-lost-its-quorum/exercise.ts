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

const OPTIONS = ['Pumps', 'Sandbags']
const VOTES = { ann: 'Pumps', bob: 'Sandbags', cid: 'Pumps' }
const FLOODED = ['etcd-1', 'etcd-2'] as const
/** Seconds, before `patience`, until a primary that does not reach the stores has given up. */
const GIVES_UP = 30

export const exercise = defineExercise({
  minutes: 15,
  manager: 'patroni',
  notes: z.object({ poll: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('What shall we buy for the cellar?', OPTIONS)
    await stage.voteEverywhere(poll, VOTES)
    for (const store of FLOODED) await stage.fault('crash', store)
    await stage.until(
      'the primary to give up',
      async () => {
        const { primaries } = await stage.status()
        return primaries.length === 0 ? { done: undefined } : { seen: `primary: ${primaries.join(' and ')}` }
      },
      GIVES_UP,
    )
    return { poll }
  },
  given: (_, { poll }) => [`the poll "What shall we buy for the cellar?"  ${poll}`],
  check: (stage, { poll }) =>
    Promise.all([
      isPair(stage),
      takesVotes(stage, 'primary', 'backup'),
      storesAnswer(stage),
      goesOnWithoutThem(stage),
      holdsVotes(stage, 'db-replica', poll, VOTES),
    ]),
  hints: ({ type }) => [
    'zx scripts/status.ts shows who is down, and what each database is.',
    `What does Patroni say? ${type.docker('logs --tail 20', 'db-primary')}. It needs an answer that two of three stores agree on.`,
    'When the stores are up, Patroni promotes a database by itself. docs/managers.md says what happens when two stores die, and which setting changes that.',
    'zx scripts/setup.ts starts what is down. zx scripts/manager.ts set --help shows the settings; the one that you need has "failsafe" in its name.',
  ],
  solution: (stage) => [
    { does: 'See who is down', command: stage.type.verb('status'), looks: true },
    { does: 'Switch the two machines on, and wait until all is well', command: stage.type.verb('setup') },
    {
      does: 'From now on the primary goes on without the stores, as long as all databases answer it',
      command: stage.type.verb('manager', 'set', 'failsafe_mode=true'),
    },
  ],
  tempting: (stage) => {
    const setup = { does: 'start all', command: stage.type.verb('setup') }
    const failsafe = { does: 'failsafe', command: stage.type.verb('manager', 'set', 'failsafe_mode=true') }
    const start = { does: 'start one', command: stage.type.docker('start', FLOODED[0]) }
    return [
      { does: 'switching on both, and nothing else', misses: 'the votes go on without the stores', steps: [setup] },
      {
        does: 'switching on one of them, which is enough today',
        misses: 'all three stores answer',
        steps: [start, { does: 'wait', command: stage.type.verb('failover') }, failsafe],
      },
      {
        does: 'promoting a database by hand, as if there were no Patroni',
        misses: 'all three stores answer',
        thorough: true,
        steps: [{ does: 'promote', command: stage.type.psql('db-primary', 'select pg_promote()') }],
      },
      {
        does: 'a lease that lasts longer',
        misses: 'the votes go on without the stores',
        thorough: true,
        steps: [setup, { does: 'ttl', command: stage.type.verb('manager', 'set', 'ttl=300') }],
      },
      {
        does: 'resetting the lab',
        misses: 'db-replica holds these votes',
        final: true,
        thorough: true,
        steps: [{ does: 'reset', command: stage.type.verb('reset') }],
      },
    ]
  },
  also: (stage) => [
    {
      does: 'ending the fault, a switchover, and the setting by Patroni’s own command',
      steps: [
        { does: 'heal', command: stage.type.verb('fault', 'heal') },
        { does: 'wait', command: stage.type.verb('setup') },
        { does: 'swap', command: stage.type.verb('switchover') },
        {
          does: 'failsafe',
          command: `${stage.type.docker('exec', 'db-replica')} patronictl edit-config --set failsafe_mode=true --force`,
        },
      ],
    },
  ],
})

const storesAnswer = (stage: Stage): Promise<Finding> =>
  finding('all three stores answer', 'zx scripts/status.ts', async () => {
    const stores = (await stage.status()).nodes.filter(({ name }) => name.startsWith('etcd-'))
    const silent = stores.filter(({ healthy }) => !healthy).map(({ name }) => name)
    const seen = silent.length === 0 ? 'they do' : `${silent.join(' and ')}: no answer`
    return { ok: stores.length === 3 && silent.length === 0, seen }
  })

const goesOnWithoutThem = (stage: Stage): Promise<Finding> =>
  finding(
    'the votes go on without the stores, as long as both databases reach each other',
    'zx scripts/manager.ts show',
    async () => {
      const { view } = (await stage.status()).manager
      if (view === null) return { ok: false, seen: 'no Patroni answers' }
      return { ok: view.failsafe, seen: view.failsafe ? 'they would' : 'the primary would give up again' }
    },
  )
