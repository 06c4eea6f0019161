import { LabError, labError } from '../errors.ts'
import { ask } from '../postgres/sql.ts'
import type { Say } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'
import type { Progress } from './progress.ts'

/**
 * Refuses if the lab has polls that do not belong to the current exercise: the start of another exercise would delete them.
 * If no database can be asked, it goes on only from one exercise to the next, and tells that polls may be deleted.
 */
export async function assertNothingAtStake(lab: Lab, progress: Progress, say: Say): Promise<void> {
  const answers = await Promise.all(lab.databases.map((node) => ask(lab, node, POLLS, 3).catch(silence)))
  const lines = answers.filter((answer) => typeof answer === 'string').flatMap((answer) => answer.split('\n'))
  const own = JSON.stringify(progress.current?.notes ?? null)
  const others = [...new Set(lines)].filter((line) => line !== '' && !own.includes(line.slice(0, UUID_LENGTH)))
  if (others.length > 0) {
    const shown = others.slice(0, 5).map((line) => line.slice(UUID_LENGTH + 1))
    const more = others.length > shown.length ? ` and ${others.length - shown.length} more` : ''
    throw labError('POLLS_AT_STAKE', { polls: `${shown.join(', ')}${more}` })
  }
  if (lines.length > 0 || answers.some((answer) => typeof answer === 'string')) return
  const problem = answers.map((answer) => (answer instanceof LabError ? answer.message : '')).join('; ')
  if (progress.current === null) throw labError('POLLS_UNKNOWN', { problem })
  say(`no database answers: polls that you have made since the last exercise started are deleted unseen (${problem})`)
}

const POLLS = `select id || ' ' || to_json(question) from poll order by created_at`
const UUID_LENGTH = 36

/** The error of a database that gave no answer; any other error is thrown. */
export function silence(error: unknown): LabError {
  if (error instanceof LabError) return error
  throw error
}
