import { chalk } from 'zx/core'
import type { Step } from '../exercise/exercise.ts'
import type { Checked, Listed, Started } from '../exercise/learn.ts'
import type { Exercised } from '../exercise/progress.ts'
import type { Acted } from '../exercise/solution.ts'
import type { Entry } from '../exercise/track.ts'
import type { Verified } from '../exercise/verify.ts'
import { visible, visibleLines } from '../visible.ts'
import { table } from './table.ts'

const VERB = 'zx scripts/exercise.ts'
const next = (what: string) => `  ${chalk.bold('→')} ${what}`

/** The track, one exercise on each line, with the learner's progress. */
export function trackTable({ track, broken, progress }: Listed): string {
  const rows = track.map(({ name, number, title, exercise }) => {
    const record = progress.exercises[name]
    const current = progress.current?.name === name ? chalk.bold('◀ you are here') : ''
    const place = `${sign(record)} ${String(number).padStart(2)}`
    const needs = exercise.manager === 'scripted' ? '' : ` (needs ${exercise.manager})`
    return [place, `${title}${needs}`, `${exercise.minutes} min`, `${stateOf(record)} ${current}`]
  })
  const solved = track.filter(({ name }) => progress.exercises[name]?.solvedAt != null).length
  const unread = broken.map((error) => `${chalk.red('✗')} ${error.message}\n  ${error.fix}`)
  const count = `${solved} of ${track.length} solved`
  return [...table(rows, [2]), ...unread, '', count, nextStep({ track, progress })].join('\n')
}

const sign = (record: Exercised | undefined): string =>
  record?.solvedBy === 'learner' ? chalk.green('✓') : record?.solvedBy === 'solution' ? chalk.yellow('○') : ' '

function stateOf(record: Exercised | undefined): string {
  if (record === undefined) return ''
  if (record.solvedBy === 'solution') return 'its solution was shown'
  if (record.solvedBy === null) return 'begun'
  const hints = record.hints === 0 ? 'no hints' : record.hints === 1 ? '1 hint' : `${record.hints} hints`
  return `solved, ${hints}`
}

function nextStep({ track, progress }: Pick<Listed, 'track' | 'progress'>): string {
  const { current, exercises } = progress
  if (current !== null && exercises[current.name]?.solvedAt == null)
    return next(`${VERB} check looks at what you did; ${VERB} hint helps you`)
  const open = track.find(({ name }) => exercises[name]?.solvedBy !== 'learner')
  return open === undefined ? next('all exercises are done') : next(`${VERB} start ${open.number}`)
}

/** The brief of an exercise that was started, and what else is needed. */
export const briefView = ({ entry, given }: Started): string =>
  [
    onScreen(entry.brief),
    ...(given.length === 0 ? [] : [chalk.bold('Given'), '', ...given.map((line) => `  ${visible(line)}`), '']),
    ...(entry.exercise.question === undefined
      ? []
      : [`${chalk.bold('Asked')}  ${entry.exercise.question}  Answer with: ${VERB} check --answer "…"`, '']),
    next(`${VERB} check looks at what you did; ${VERB} hint helps you`),
  ].join('\n')

/** What a check found, and what comes next. */
export function checkView({ entry, passed, findings, earlierAnswer, next: following }: Checked): string {
  const lines = findings.flatMap(({ expected, ok, seen, where, final }) =>
    ok
      ? [`${chalk.green('✓')} ${expected}`]
      : [
          `${chalk.red('✗')} expected  ${expected}`,
          `  seen      ${visible(seen)}${final ? '; this cannot be repaired any more: start again' : ''}`,
          `  look at   ${visible(where)}`,
        ],
  )
  const answer =
    earlierAnswer === undefined
      ? []
      : [
          '',
          `Your answer is still "${visible(earlierAnswer)}", from an earlier check. To change it: ${VERB} check --answer "…"`,
        ]
  if (cannotBeMended(findings))
    return [...lines, ...answer, '', next(`${VERB} start ${entry.number} starts this exercise again`)].join('\n')
  if (!passed) return [...lines, ...answer, '', next(`go on, then ${VERB} check; ${VERB} hint helps you`)].join('\n')
  return [
    ...lines,
    ...answer,
    '',
    chalk.green(`${entry.number}. ${entry.title}: solved`),
    '',
    onScreen(entry.answers),
    following === undefined
      ? next(`that was the last one: ${VERB} list`)
      : next(`${VERB} start ${Number(following.slice(0, 2))}`),
  ].join('\n')
}

const cannotBeMended = (findings: Checked['findings']): boolean => findings.some(({ ok, final }) => !ok && final)

/** What a check found, for a program. */
export const checkJson = ({ entry, passed, findings, earlierAnswer }: Checked) => ({
  exercise: entry.name,
  passed,
  startAgain: cannotBeMended(findings),
  ...(earlierAnswer === undefined ? {} : { earlierAnswer }),
  findings,
})

/** A hint, or that there are no more. */
export const hintView = ({ text, nth, of }: { text: string | undefined; nth: number; of: number }): string =>
  text === undefined
    ? `there are no more hints\n${next(`${VERB} solve shows how it is done`)}`
    : `${chalk.bold(`Hint ${nth} of ${of}`)}  ${text}\n${next(`${VERB} check, or one more: ${VERB} hint`)}`

/** The lab was reset and is in no exercise. */
export const endedView = (): string => `the lab is reset\n${next(`${VERB} list`)}`

/** A step of a solution before it is carried out, and what it printed. */
export const stepView = ({ does, command }: Step): string => `\n${chalk.bold(does)}\n$ ${visibleLines(command)}`
export const actedView = ({ stdout, stderr }: Acted): string =>
  [visibleLines(stdout), stderr === '' ? '' : chalk.dim(visibleLines(stderr))].filter((text) => text !== '').join('\n')

/** Exercises that were verified, one on each line, and what is wrong with them. */
export const verifiedLines = ({ name, problems, ways, seconds }: Verified): string =>
  problems.length === 0
    ? `${chalk.green('✓')} ${name}  ${seconds.toFixed(1)} s from start to check; ${ways} other ways tried`
    : [`${chalk.red('✗')} ${name}`, ...problems.map((problem) => `  ${visible(problem)}`)].join('\n')

/** Markdown for a screen: headings stand out, the rest stays as it is. */
const onScreen = (markdown: string): string =>
  markdown
    .trim()
    .replace(/^#+ (.+)$/gm, (_, title) => chalk.bold(title))
    .concat('\n')

/** The exercises of a track and the learner's progress, for a teacher's program. */
export const progressJson = ({ track, broken, progress }: Listed, lab: string) => ({
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
  broken: broken.map(({ message }) => message),
})
