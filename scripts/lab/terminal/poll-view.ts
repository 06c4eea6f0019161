import type { PollResponse, PollResultResponse } from '../../../proto/gen/polling.ts'
import { asJson, padded, visible, widthOf } from '../visible.ts'

/** One poll on one line. */
export const pollLine = ({ uuid, status, create_at_time, poll_questions, options }: PollResponse): string =>
  visible(`${uuid}  ${status.padEnd(5)}  ${create_at_time}  ${poll_questions}  [${options.join(' | ')}]`)

/** Results as bars, the longest 30 characters wide, or as much as the terminal has room for. */
export function resultBars(
  { poll_questions, results }: PollResultResponse,
  columns: number = Number.POSITIVE_INFINITY,
): string {
  const rows = [...results].map(([option, votes]) => [visible(option), votes] as const)
  const width = Math.max(...rows.map(([option]) => widthOf(option)))
  const most = Math.max(1, ...rows.map(([, votes]) => votes))
  const longest = Math.max(3, Math.min(30, columns - width - `    ${most} `.length))
  const total = rows.reduce((sum, [, votes]) => sum + votes, 0)
  return [
    visible(poll_questions),
    ...rows.map(([option, votes]) =>
      `  ${padded(option, width)}  ${'█'.repeat(Math.round((longest * votes) / most))} ${votes}`.trimEnd(),
    ),
    `  ${total} vote${total === 1 ? '' : 's'}`,
  ].join('\n')
}

/** Prints polls as their pages arrive, one on each line; as JSON, one array over all pages. */
export async function printPolls(pages: AsyncIterable<readonly PollResponse[]>, json: boolean): Promise<void> {
  let printed = 0
  for await (const polls of pages) {
    for (const poll of polls) {
      printed += 1
      console.log(json ? `${printed === 1 ? '[' : ','}${asJson(poll)}` : pollLine(poll))
    }
  }
  if (json) console.log(printed === 0 ? '[]' : ']')
  else if (printed === 0) console.log('no polls yet')
}
