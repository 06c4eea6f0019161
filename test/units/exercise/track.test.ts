import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { readWhatLoads } from '../../../scripts/lab/exercise/track.ts'
import { progressJson, trackTable } from '../../../scripts/lab/terminal/exercise-view.ts'

const EXERCISES = join(import.meta.dirname, '../../../exercises')

test('an exercise that does not load is named with its error, and the others are listed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'failover-lab-exercises-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const made = async (name: string, text: string | undefined) => {
    await mkdir(join(folder, name))
    for (const file of ['README.md', 'answers.md'])
      await cp(join(EXERCISES, 'template', file), join(folder, name, file))
    if (text !== undefined) await writeFile(join(folder, name, 'exercise.ts'), text)
    return join(folder, name)
  }
  const { entries, broken } = await readWhatLoads([
    join(EXERCISES, 'template'),
    await made('throws', "throw new Error('not today')"),
    await made('is-no-typescript', 'export const = 1'),
    await made('exports-nothing', 'export const exercises = 1'),
    await made('has-no-module', undefined),
  ])
  t.strictSame(
    entries.map(({ name }) => name),
    ['template'],
  )
  t.strictSame(
    broken.map(({ code }) => code),
    Array(4).fill('EXERCISE_BROKEN'),
  )
  for (const [nth, what] of [
    /throws .*not today/,
    /is-no-typescript/,
    /exports-nothing .*no `exercise`/,
    /has-no-module/,
  ].entries())
    t.match(broken[nth]?.message, what)
  const listed = { track: entries, broken, progress: { learner: 'ann', current: null, exercises: {} } }
  const table = trackTable(listed)
  t.match(table, /The title, as the list shows it/)
  t.match(table, /✗ the exercise throws does not load: not today\n.*exercises\/throws/)
  t.match(table, /0 of 1 solved/)
  t.match(progressJson(listed, 'x').broken, [/throws/])
})
