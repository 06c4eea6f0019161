import { z } from 'zod'
import { answered, defineExercise, finding, hasLevel, isStandby, type Stage } from '../../scripts/lab/exercise/face.ts'

/** How far an answer may be from what was measured: it is read off a table. */
const TOLERANCE = 0.1

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
      finding(
        'one experiment of yours, with a standby that lags, lost votes at async and none at the level you chose',
        WHERE,
        async () => {
          const { seen, ok } = await measured(stage, since)
          return { ok, seen }
        },
      ),
      answered(
        'you know how many times as long a vote takes at that level, by the medians',
        WHERE,
        answer,
        async (text) => {
          const said = /\d+(?:[.,]\d+)?/.exec(text)?.[0].replace(',', '.')
          if (said === undefined) return 'there is no number in it'
          const { ratio } = await measured(stage, since)
          if (ratio === undefined) return 'there is no experiment yet to hold it against'
          return Math.abs(Number(said) / ratio - 1) <= TOLERANCE || 'the medians of your experiment say otherwise'
        },
      ),
    ]),
  hints: () => [
    'zx scripts/replication.ts shows the four levels and what each survives. Which ones survive two machines that fail at once?',
    'An experiment measures: zx scripts/experiment.ts --help. It resets the lab, so set the level afterwards.',
    'At async a standby that keeps up loses hardly anything. --lag makes one that does not.',
    'zx scripts/experiment.ts --level async,on --lag. The table has a column for how long a vote takes.',
  ],
  solution: (stage) => [
    {
      does: 'Measure both levels with a standby that lags; at async votes get lost, so it ends with exit code 1',
      command: `${stage.type.verb('experiment', '--fault', 'crash', '--level', 'async,on', '--lag', '--json')} > /dev/null || test $? = 1`,
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
  ],
})

type Measured = { readonly ok: boolean; readonly seen: string; readonly ratio?: number }

/** The newest experiment that compares the level in force with async. */
async function measured(stage: Stage, since: string): Promise<Measured> {
  const { level } = await stage.replication()
  const experiments = await stage.experiments(since)
  if (level === 'async') return { ok: false, seen: 'the level in force is async; experiments leave the lab as new' }
  if (experiments.length === 0) return { ok: false, seen: 'there is no experiment since this exercise began' }
  for (const { runs } of experiments) {
    const of = (wanted: string | null) =>
      runs.filter(({ plan, length }) => plan.level === wanted && plan.lag > 0 && length > 0)
    const [without, chosen] = [of('async'), of(level)]
    const lost = (some: typeof runs) => some.reduce((sum, { judgement }) => sum + judgement.lost.length, 0)
    const [slow, fast] = [chosen[0]?.judgement.pace?.median, without[0]?.judgement.pace?.median]
    if (slow === undefined || fast === undefined) continue
    const seen = `lost at async: ${lost(without)}, at ${level}: ${lost(chosen)}`
    return { ok: lost(without) > 0 && lost(chosen) === 0, seen, ratio: slow / fast }
  }
  return {
    ok: false,
    seen: `none of ${experiments.length} compares async with ${level ?? 'the level in force'} under lag`,
  }
}
