import { chalk } from 'zx/core'
import type { Step } from '../exercise/exercise.ts'
import type { Checked, Listed, Started } from '../exercise/learn.ts'
import type { Record } from '../exercise/progress.ts'
import type { Acted } from '../exercise/solution.ts'
import type { Entry } from '../exercise/track.ts'
import type { Verified } from '../exercise/verify.ts'
import { visible, visibleLines } from '../visible.ts'

const VERB = 'zx scripts/exercise.ts'
const next = (what: string) => `  ${chalk.bold('→')} ${what}`

/** The track, an exercise a line, with how far somebody is. */
export function trackTable({ track, progress }: Listed): string {
  const width = Math.max(...track.map(({ title }) => title.length))
  const rows = track.map(({ name, number, title, exercise }) => {
    const record = progress.exercises[name]
    const current = progress.current?.name === name ? chalk.bold('◀ you are here') : ''
    const told = `${sign(record)} ${String(number).padStart(2)}  ${title.padEnd(width)}  ${minutes(exercise.minutes)}`
    return `${told}  ${stateOf(record)} ${current}`.trimEnd()
  })
  const solved = track.filter(({ name }) => progress.exercises[name]?.solvedAt != null).length
  return [...rows, '', `${solved} of ${track.length} solved`, nextStep({ track, progress })].join('\n')
}

const sign = (record: Record | undefined): string =>
  record?.solvedBy === 'learner' ? chalk.green('✓') : record?.solvedBy === 'solution' ? chalk.yellow('○') : ' '

const minutes = (count: number): string => `${String(count).padStart(2)} min`

function stateOf(record: Record | undefined): string {
  if (record === undefined) return ''
  if (record.solvedBy === 'solution') return 'its solution was shown'
  if (record.solvedBy === null) return 'begun'
  const hints = record.hints === 0 ? 'no hints' : record.hints === 1 ? '1 hint' : `${record.hints} hints`
  return `solved, ${hints}`
}

function nextStep({ track, progress }: Listed): string {
  const { current, exercises } = progress
  if (current !== null && exercises[current.name]?.solvedAt == null)
    return next(`${VERB} check looks at what you did; ${VERB} hint helps you on`)
  const open = track.find(({ name }) => exercises[name]?.solvedBy !== 'learner')
  return open === undefined ? next('the whole track is done') : next(`${VERB} start ${open.number}`)
}

/** The brief of an exercise that has been started, and what is needed besides. */
export const briefView = ({ entry, given }: Started): string =>
  [
    onScreen(entry.brief),
    ...(given.length === 0 ? [] : [chalk.bold('Given'), '', ...given.map((line) => `  ${visible(line)}`), '']),
    ...(entry.exercise.question === undefined
      ? []
      : [`${chalk.bold('Asked')}  ${entry.exercise.question}  Answer with: ${VERB} check --answer "…"`, '']),
    next(`${VERB} check looks at what you did; ${VERB} hint helps you on`),
  ].join('\n')

/** What a check found, and what comes next. */
export function checkView({ entry, passed, findings, next: following }: Checked): string {
  const lines = findings.flatMap(({ expected, ok, seen, where }) =>
    ok
      ? [`${chalk.green('✓')} ${expected}`]
      : [`${chalk.red('✗')} expected  ${expected}`, `  seen      ${visible(seen)}`, `  look at   ${visible(where)}`],
  )
  if (!passed) return [...lines, '', next(`go on, then ${VERB} check; ${VERB} hint helps you on`)].join('\n')
  return [
    ...lines,
    '',
    chalk.green(`${entry.number}. ${entry.title}: solved`),
    '',
    onScreen(entry.answers),
    following === undefined
      ? next(`that was the last one: ${VERB} list`)
      : next(`${VERB} start ${Number(following.slice(0, 2))}`),
  ].join('\n')
}

/** A hint, or that there are no more. */
export const hintView = ({ text, nth, of }: { text: string | undefined; nth: number; of: number }): string =>
  text === undefined
    ? `there are no more hints\n${next(`${VERB} solve shows how it is done`)}`
    : `${chalk.bold(`Hint ${nth} of ${of}`)}  ${text}\n${next(`${VERB} check, or one more: ${VERB} hint`)}`

/** The lab is as new, in no exercise. */
export const endedView = (): string => `the lab is as new\n${next(`${VERB} list`)}`

/** A step of a solution before it is carried out, and what it printed. */
export const stepView = ({ does, command }: Step): string => `\n${chalk.bold(does)}\n$ ${visibleLines(command)}`
export const actedView = ({ stdout, stderr }: Acted): string =>
  [visibleLines(stdout), stderr === '' ? '' : chalk.dim(visibleLines(stderr))].filter((text) => text !== '').join('\n')

/** Exercises that were verified, one a line, and what is wrong with them. */
export const verifiedLines = ({ name, problems, seconds }: Verified): string =>
  problems.length === 0
    ? `${chalk.green('✓')} ${name}  ${seconds.toFixed(1)} s from start to check`
    : [`${chalk.red('✗')} ${name}`, ...problems.map((problem) => `  ${visible(problem)}`)].join('\n')

/** Markdown as it is read on a screen: headings stand out, and the rest stays as it is. */
const onScreen = (markdown: string): string =>
  markdown
    .trim()
    .replace(/^#+ (.+)$/gm, (_, title) => chalk.bold(title))
    .concat('\n')

/** How the exercises of a track and their progress are told to a teacher's program. */
export const progressJson = ({ track, progress }: Listed, lab: string) => ({
  learner: progress.learner,
  lab,
  at: new Date().toISOString(),
  current: progress.current?.name ?? null,
  exercises: track.map(({ name, number, title }: Entry) => ({
    name,
    number,
    title,
    ...(progress.exercises[name] ?? {
      starts: 0,
      checks: 0,
      hints: 0,
      firstStartedAt: null,
      solvedAt: null,
      solvedBy: null,
      seconds: null,
    }),
  })),
})
