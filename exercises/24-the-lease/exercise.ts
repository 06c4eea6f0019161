import { z } from 'zod'
import {
  answered,
  defineExercise,
  type Finding,
  finding,
  isPair,
  type Stage,
  type Step,
  takesVotes,
} from '../../scripts/lab/exercise/face.ts'
import { fits, isFast, type Lease, measuredWith, survives } from './measured.ts'

const WHERE = 'zx scripts/manager.ts show'
const REPORT = 'zx scripts/experiment.ts, and its report'

export const exercise = defineExercise({
  minutes: 25,
  manager: 'patroni',
  notes: z.object({ since: z.string() }),
  question: 'How many seconds is the RTO with your settings?',
  async setup(stage) {
    await stage.setManager('ttl=30', 'loop_wait=10', 'retry_timeout=10')
    return { since: new Date().toISOString() }
  },
  check: (stage, { since }, answer) =>
    Promise.all([
      leaseIs(stage, '8 seconds without a network are no reason to stop the primary', survives),
      leaseIs(stage, 'when the primary has died, its lease ends as early as is possible', isFast),
      wasMeasured(stage, since),
      answered('you know the RTO with these settings, in seconds', REPORT, answer, async (text) => {
        const said = /\d+(?:[.,]\d+)?/.exec(text)?.[0].replace(',', '.')
        if (said === undefined) return 'it has no number'
        const measured = await rtosOf(stage, since)
        if (measured.length === 0) return 'there is no experiment with these settings yet'
        return fits(Number(said), measured) || `an experiment with these settings gave another number`
      }),
      isPair(stage),
      takesVotes(stage, 'primary', 'backup'),
    ]),
  hints: () => [
    'docs/managers.md, "How long a failover takes", says what the three settings mean. Which one says how long a primary goes on without the stores?',
    'How short may ttl be? And how long may loop_wait be then, if retry_timeout is 9?',
    'zx scripts/experiment.ts --help: --lease says with which settings it measures, and --fault crash is the usual one.',
    'ttl 20, loop_wait 1, retry_timeout 9: zx scripts/experiment.ts --lease 20/1/9, then zx scripts/manager.ts set ttl=20 loop_wait=1 retry_timeout=9. The RTO is in its table, in milliseconds.',
  ],
  solution: (stage) => [
    measure(stage, '20/1/9'),
    {
      does: 'Read the RTO, in seconds',
      command: `node -p '(JSON.parse(fs.readFileSync("results/experiments/latest/experiment.json")).runs[0].judgement.rto / 1000).toFixed(1)'`,
      answers: true,
    },
    set(stage, 'ttl=20', 'loop_wait=1', 'retry_timeout=9'),
  ],
  tempting: (stage) => [
    {
      does: 'the settings that the experiment leaves behind: fast, but the network is silent for longer than they allow',
      misses: '8 seconds without a network',
      steps: [measure(stage, '20/1/3'), ANSWER],
    },
    {
      does: 'the right settings, and no measurement',
      misses: 'an experiment on this lab has measured',
      steps: [set(stage, 'ttl=20', 'loop_wait=1', 'retry_timeout=9'), ANSWER],
    },
    {
      does: 'a lease that is longer than it has to be',
      misses: 'its lease ends as early as is possible',
      thorough: true,
      steps: [measure(stage, '25/1/12'), set(stage, 'ttl=25', 'loop_wait=1', 'retry_timeout=12'), ANSWER],
    },
    {
      does: 'measuring one lease, and setting another',
      misses: 'an experiment on this lab has measured',
      thorough: true,
      steps: [measure(stage, '20/1/3'), set(stage, 'ttl=20', 'loop_wait=1', 'retry_timeout=9'), ANSWER],
    },
  ],
  also: (stage) => [
    {
      does: 'comparing the old lease with the new one',
      thorough: true,
      steps: [
        measure(stage, '30/10/10,20/2/9'),
        {
          does: 'read',
          command: `node -p 'JSON.parse(fs.readFileSync("results/experiments/latest/experiment.json")).runs.at(-1).judgement.rto / 1000'`,
          answers: true,
        },
        set(stage, 'ttl=20', 'loop_wait=2', 'retry_timeout=9'),
      ],
    },
  ],
})

/** Seconds that would be right only by accident. */
const ANSWER: Step = { does: 'answer', command: 'echo 1.5', answers: true }

const measure = (stage: Stage, leases: string): Step => ({
  does: `Measure a crash of the primary with ttl/loop_wait/retry_timeout ${leases}; votes may be lost at async, so the exit code may be 1`,
  command: `${stage.type.verb('experiment', '--lease', leases, '--json')} > /dev/null || test $? = 1`,
})

const set = (stage: Stage, ...settings: readonly string[]): Step => ({
  does: 'Set them, because the experiment has reset the lab',
  command: stage.type.verb('manager', 'set', ...settings),
})

async function leaseOf(stage: Stage): Promise<Lease | undefined> {
  const { view } = (await stage.status()).manager
  return view === null ? undefined : { ttl: view.ttl, loop_wait: view.loopWait, retry_timeout: view.retryTimeout }
}

const leaseIs = (stage: Stage, expected: string, right: (lease: Lease) => boolean): Promise<Finding> =>
  finding(expected, WHERE, async () => {
    const lease = await leaseOf(stage)
    if (lease === undefined) return { ok: false, seen: 'no Patroni answers' }
    return { ok: right(lease), seen: inWords(lease) }
  })

const inWords = ({ ttl, loop_wait, retry_timeout }: Lease): string =>
  `ttl ${ttl} s, loop_wait ${loop_wait} s, retry_timeout ${retry_timeout} s`

/** What was measured with the settings that are in force now; nothing if no Patroni answers. */
async function rtosOf(stage: Stage, since: string): Promise<readonly number[]> {
  const lease = await leaseOf(stage)
  return lease === undefined ? [] : measuredWith(await stage.experiments(since), lease)
}

const wasMeasured = (stage: Stage, since: string): Promise<Finding> =>
  finding('an experiment on this lab has measured a crash of db-primary with these settings', REPORT, async () => {
    const measured = await rtosOf(stage, since)
    return { ok: measured.length > 0, seen: measured.length === 0 ? 'none' : `${measured.length} of them` }
  })
