import type { Call, Run } from '../record.ts'
import { type Html, html, table } from './html.ts'
import { extent } from './scale.ts'
import { originName, originOf } from './timeline.ts'
import { count, moment } from './units.ts'
import { OUTCOMES } from './words.ts'

// Messages with names or numbers could be as many as the calls, so only the most frequent are shown.
const SHOWN = 20

/** The answers of failed calls, the most frequent first. */
export function errorsSeen(run: Run, calls: readonly Call[]): Html | null {
  const failed = calls.filter((it) => it.outcome !== 'ok')
  if (failed.length === 0) return null
  const kinds = [...Map.groupBy(failed, (it) => `${it.outcome} ${it.answer}`).values()].sort(
    (a, b) => b.length - a.length,
  )
  const origin = originOf(run)
  const rows = kinds.slice(0, SHOWN).flatMap((same) => {
    const [from, to] = extent(
      same.values().map((it) => it.end - origin),
      [0, 0],
    )
    return same
      .slice(0, 1)
      .map(({ outcome, answer }) => [count(same.length), OUTCOMES[outcome], answer, `${moment(from)} to ${moment(to)}`])
  })
  const more = kinds.length - SHOWN
  return html`<h3>Errors that clients saw: ${count(failed.length)}</h3><p class="caption">Each is the last answer to a call, after gRPC’s retries.</p>${table(['Calls', 'Outcome', 'Answer', `Since ${originName(run)}`], rows)}${more > 0 ? html`<p class="caption">… and ${count(more)} more kinds; the run’s history.jsonl has all.</p>` : null}`
}
