import { z } from 'zod'
import {
  answered,
  defineExercise,
  type Finding,
  finding,
  hasLevel,
  isStandby,
  type Stage,
  type Step,
} from '../../scripts/lab/exercise/face.ts'
import { type Comparison, comparisonsOf, isSlowdown, slowdown } from './cost.ts'

const WHERE = 'zx scripts/experiment.ts, and its report'

export const exercise = defineExercise({
  minutes: 25,
  notes: z.object({ since: z.string() }),
  question: 'How many times as long does a vote take at the new level? A number with one decimal, as in 7.5.',
  setup: async () => ({ since: new Date().toISOString() }),
  check: (stage, { since }, answer) =>
    Promise.all([
      hasLevel(stage, "meets the lawyers' demand", 'on', 'remote_apply'),
      isStandby(stage, 'db-replica'),
      lostAndKept(stage, since),
      showsTheCost(stage, since),
      answered(
        'you know how many times as long a vote takes at that level, by the medians of your newest experiment',
        WHERE,
        answer,
        async (text) => {
          const said = /-?\d+(?:[.,]\d+)?/.exec(text)?.[0].replace(',', '.')
          if (said === undefined) return 'there is no number in it'
          const { comparisons } = await measured(stage, since)
          if (comparisons.length === 0) return 'there is no experiment yet to compare it with'
          return (
            comparisons.some((it) => isSlowdown(Number(said), it)) ||
            'the medians of your newest experiment say otherwise'
          )
        },
      ),
    ]),
  hints: () => [
    'zx scripts/replication.ts shows the four levels and what each survives. Which ones survive two machines that fail at once?',
    'An experiment measures: zx scripts/experiment.ts --help. It resets the lab, so set the level afterwards.',
    'At async a standby that keeps up loses hardly anything. --lag makes one that does not.',
    'On a busy machine the difference drowns. --slow makes the link to the standby as narrow as in the story.',
    'zx scripts/experiment.ts --level async,on --lag --slow. The table has a column for how long a vote takes.',
  ],
  solution: (stage) => [
    {
      does: 'Measure both levels with a standby that lags behind a narrow link; votes are lost at async, so it ends with exit code 1',
      command: `${stage.type.verb('experiment', '--fault', 'crash', '--level', 'async,on', '--lag', '--slow', '--json')} > /dev/null || test $? = 1`,
    },
    {
      does: 'How many times as long does a vote take?',
      command: `node -p 'const median = (level) => JSON.parse(fs.readFileSync("results/experiments/latest/experiment.json")).runs.find((run) => run.plan.level === level).judgement.pace.median; (median("on") / median("async")).toFixed(2)'`,
      answers: true,
    },
    {
      does: 'Acknowledge no vote that the standby does not have on its disk',
      command: stage.type.verb('replication', 'on'),
    },
  ],
  tempting: (stage) => [
    {
      does: 'waiting for the memory of the standby only',
      misses: "meets the lawyers' demand",
      steps: [{ does: 'set', command: stage.type.verb('replication', 'remote_write') }],
    },
    {
      does: 'setting the level, and measuring nothing',
      misses: 'lost votes at async and none at the level',
      steps: [
        { does: 'set', command: stage.type.verb('replication', 'on') },
        { does: 'answer', command: 'echo 1.5', answers: true },
      ],
    },
    {
      does: 'measuring without a standby that lags',
      misses: 'lost votes at async and none at the level',
      thorough: true,
      steps: [
        measuring(stage, '--level', 'async,on'),
        { does: 'set', command: stage.type.verb('replication', 'on') },
        ANSWER,
      ],
    },
    {
      does: 'measuring one level, and setting another',
      misses: 'lost votes at async and none at the level',
      thorough: true,
      steps: [
        measuring(stage, '--level', 'async,on', '--lag', '--slow'),
        { does: 'set', command: stage.type.verb('replication', 'remote_apply') },
        ANSWER,
      ],
    },
    {
      does: 'measuring, and leaving the level as it is',
      misses: "meets the lawyers' demand",
      thorough: true,
      steps: [measuring(stage, '--level', 'async,on', '--lag', '--slow'), ANSWER],
    },
    {
      does: 'the ratio the wrong way round',
      misses: 'how many times as long',
      thorough: true,
      steps: [
        measuring(stage, '--level', 'async,on', '--lag', '--slow'),
        { does: 'set', command: stage.type.verb('replication', 'on') },
        { does: 'answer', command: 'echo 0.4', answers: true },
      ],
    },
  ],
  also: (stage) => [
    {
      does: 'the level above, measured twice',
      thorough: true,
      steps: [
        measuring(stage, '--level', 'async,remote_apply', '--lag', '--slow', '--runs', '2'),
        { does: 'set', command: stage.type.verb('replication', 'remote_apply') },
        ANSWER,
      ],
    },
  ],
})

const measuring = (stage: Stage, ...options: readonly string[]): Step => ({
  does: 'measure',
  command: `${stage.type.verb('experiment', '--fault', 'crash', ...options)} > /dev/null || true`,
})

/** As a learner reads it off the report: medians of the medians. */
const ANSWER: Step = {
  does: 'answer',
  command: `node -p 'const middle = (all) => all.sort((a, b) => a - b)[all.length >> 1]; const { runs } = JSON.parse(fs.readFileSync("results/experiments/latest/experiment.json")); const of = (async) => middle(runs.filter((run) => (run.plan.level === "async") === async).map((run) => run.judgement.pace.median)); (of(false) / of(true)).toFixed(1)'`,
  answers: true,
}

type Measured = {
  readonly level: string | null
  readonly experiments: number
  readonly comparisons: readonly Comparison[]
}

/** What the learner's experiments say of the level in force. */
async function measured(stage: Stage, since: string): Promise<Measured> {
  const [{ level }, experiments] = await Promise.all([stage.replication(), stage.experiments(since)])
  return {
    level,
    experiments: experiments.length,
    comparisons: level === 'async' ? [] : comparisonsOf(experiments, level),
  }
}

const lostAndKept = (stage: Stage, since: string): Promise<Finding> =>
  finding(
    'one experiment of yours, with a standby that lags, lost votes at async and none at the level you chose',
    WHERE,
    async () => {
      const { level, experiments, comparisons } = await measured(stage, since)
      const ok = comparisons.some(({ lostAtAsync, lostAtLevel }) => lostAtAsync > 0 && lostAtLevel === 0)
      const [first] = comparisons
      if (first !== undefined)
        return { ok, seen: `lost at async: ${first.lostAtAsync}, at ${level}: ${first.lostAtLevel}` }
      if (level === 'async') return { ok, seen: 'the level in force is async; experiments leave the lab as new' }
      if (experiments === 0) return { ok, seen: 'there is no experiment since this exercise began' }
      return {
        ok,
        seen: `none of your experiments (${experiments}) compares async with ${level ?? 'the level in force'} under lag`,
      }
    },
  )

/** A level that waits for more is not faster: such a measurement shows what else the machine had to do. */
const showsTheCost = (stage: Stage, since: string): Promise<Finding> =>
  finding(
    'your newest experiment shows what the level costs: a vote takes longer than at async',
    'VOTE in the table of the experiment; zx scripts/experiment.ts --help for circumstances that it can make',
    async () => {
      const { comparisons } = await measured(stage, since)
      const ratios = comparisons.map(slowdown)
      const seen = ratios.map((ratio) => `${ratio >= 1 ? 'longer' : 'not longer: the machine was busy'}`).join('; ')
      return { ok: ratios.some((ratio) => ratio >= 1), seen: seen || 'nothing has been measured' }
    },
  )
