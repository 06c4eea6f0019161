import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { labFor } from '../../scripts/lab/exercise/perform.ts'
import { stageOf } from '../../scripts/lab/exercise/stage.ts'
import { readTrack } from '../../scripts/lab/exercise/track.ts'
import { readSettings } from '../../scripts/lab/settings.ts'
import { labOf } from '../../scripts/lab/topology/topology.ts'

const ROOT = join(import.meta.dirname, '../..')
const track = await readTrack()
const lab = labOf(readSettings())

/** Points of a list at the margin; those within a point do not count. */
const points = (text: string): number => [...text.matchAll(/^- /gm)].length

test('every brief has its parts, tells no commands, and asks questions that are all answered', async (t) => {
  for (const { name, number, brief, answers, exercise } of track) {
    t.equal(number, Number(name.slice(0, 2)), `${name} has the number of its folder`)
    t.strictSame(
      [...brief.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading),
      ['Situation', 'Task', 'Observe', 'Think'],
      name,
    )
    t.notMatch(brief, /zx scripts|docker |psql|npm run|alter system|pg_\w+\(/, `${name} tells no commands`)
    const [, questions = ''] = brief.split('## Think')
    t.strictSame(
      [questions, answers].map((text) => [...text.matchAll(/^\d\. /gm)].length),
      [2, 2],
      `${name}: questions and answers`,
    )
    const [, observe = ''] = /^## Observe$(.*)^## Think$/ms.exec(brief) ?? []
    const [, observed = ''] = /^## Observe$(.*)^## Think$/ms.exec(answers) ?? []
    t.ok(points(observe) > 0, `${name} asks what to observe`)
    t.equal(points(observed), points(observe), `${name}: each question under Observe is answered`)
    t.ok(exercise.hints(stageOf(labFor(lab, exercise))).length >= 3, `${name} has hints`)
  }
  t.strictSame(
    track.map(({ number }) => number),
    track.map((_, index) => index + 1),
    'they are numbered from 1',
  )
})

test("the teacher's page lists every exercise with its time", async (t) => {
  const page = await readFile(join(ROOT, 'docs/exercises.md'), 'utf8')
  const rows = [...page.matchAll(/^\| (\d+) \| ([^|]+) \| (\d+) \|/gm)].map(([, number, title, minutes]) => [
    Number(number),
    title,
    Number(minutes),
  ])
  t.strictSame(
    rows,
    track.map(({ number, title, exercise }) => [number, title, exercise.minutes]),
  )
})

test('exercises know the face of the lab and nothing behind it', async (t) => {
  for await (const file of glob('exercises/**/*.ts', { cwd: ROOT })) {
    const text = await readFile(join(ROOT, file), 'utf8')
    for (const [, from = ''] of text.matchAll(/^(?:import .*|\} )from '([^']+)'/gm))
      t.ok(
        ['zod', 'node:crypto', '../a-primary-dies.ts'].includes(from) ||
          // Of its own folder.
          from.startsWith('./') ||
          from.endsWith('/scripts/lab/exercise/face.ts'),
        `${file}: ${from}`,
      )
  }
})
