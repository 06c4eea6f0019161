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
  question:
    'Divide the time of one vote at the new level by the time of one vote at async. What is the result? Give a number with one decimal, such as 7.5.',
  setup: async () => ({ since: new Date().toISOString() }),
  check: (stage, { since }, answer) =>
    Promise.all([
      hasLevel(stage, "meets the lawyers' demand", 'on', 'remote_apply'),
      isStandby(stage, 'db-replica'),
      lostAndKept(stage, since),
      showsTheCost(stage, since),
      answered(
        'you know the time of a vote at that level divided by its time at async, from the medians of your newest experiment',
        WHERE,
        answer,
        async (text) => {
          const said = /-?\d+(?:[.,]\d+)?/.exec(text)?.[0].replace(',', '.')
          if (said === undefined) return 'it has no number'
          const { comparisons } = await measured(stage, since)
          if (comparisons.length === 0) return 'there is no experiment yet to compare it with'
          return (
            comparisons.some((it) => isSlowdown(Number(said), it)) ||
            'the medians of your newest experiment give another number'
          )
        },
      ),
    ]),
  hints: () => [
    'zx scripts/replication.ts shows the four levels, and which failures each survives. Which levels survive when both machines fail at once?',
    'An experiment can measure both: zx scripts/experiment.ts --help. It resets the lab, so set the level after the experiment.',
    'If the standby does not lag, async loses hardly anything. With --lag the standby lags.',
    'On a busy machine you cannot see the difference. With --slow the link to the standby is as slow as in the story.',
    'zx scripts/experiment.ts --level async,on --lag --slow. The column VOTE of its table says how long a vote takes.',
  ],
  solution: (stage) => [
    {
      does: 'Measure both levels with a slow link and a standby that lags; async loses votes, so the exit code is 1',
      command: `${stage.type.verb('experiment', '--fault', 'crash', '--level', 'async,on', '--lag', '--slow', '--json')} > /dev/null || test $? = 1`,
    },
    {
      does: 'Divide the time of a vote at the level on by its time at async',
      command: `node -p 'const median = (level) => JSON.parse(fs.readFileSync("results/experiments/latest/experiment.json")).runs.find((run) => run.plan.level === level).judgement.pace.median; (median("on") / median("async")).toFixed(2)'`,
      answers: true,
    },
    {
      does: 'Acknowledge a vote only when the standby has it on its disk',
      command: stage.type.verb('replication', 'on'),
    },
  ],
  tempting: (stage) => [
    {
      does: 'waiting only for the memory of the standby',
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
      does: 'setting the level, which the sessions of the servers do not have',
      misses: "meets the lawyers' demand",
      steps: [
        { does: 'set', command: stage.type.verb('replication', 'on') },
        {
          does: 'local for the servers',
          command: stage.type.psql('db-primary', 'alter role service set synchronous_commit = local'),
        },
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
      misses: 'divided by its time at async',
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

/** The answer as a learner reads it in the report: medians of the medians. */
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

/** What the learner's experiments say about the level in force. */
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
    'one of your experiments, with a standby that lags, lost votes at async and none at the level that you chose',
    WHERE,
    async () => {
      const { level, experiments, comparisons } = await measured(stage, since)
      const ok = comparisons.some(({ lostAtAsync, lostAtLevel }) => lostAtAsync > 0 && lostAtLevel === 0)
      const [first] = comparisons
      if (first !== undefined)
        return { ok, seen: `lost at async: ${first.lostAtAsync}, at ${level}: ${first.lostAtLevel}` }
      if (level === 'async') return { ok, seen: 'the level in force is async; each experiment ends at async' }
      if (experiments === 0) return { ok, seen: 'there was no experiment since this exercise began' }
      return {
        ok,
        seen: `none of your experiments (${experiments}) compares async with ${level ?? 'the level in force'} while the standby lags`,
      }
    },
  )

/** A level that waits for more cannot be faster: such a measurement shows only that the machine was busy. */
const showsTheCost = (stage: Stage, since: string): Promise<Finding> =>
  finding(
    'your newest experiment shows what the level costs: a vote takes longer than at async',
    'the column VOTE of the experiment; zx scripts/experiment.ts --help says which conditions it can set',
    async () => {
      const { comparisons } = await measured(stage, since)
      const ratios = comparisons.map(slowdown)
      const seen = ratios.map((ratio) => (ratio >= 1 ? 'longer' : 'not longer: the machine was busy')).join('; ')
      return { ok: ratios.some((ratio) => ratio >= 1), seen: seen || 'nothing has been measured' }
    },
  )
