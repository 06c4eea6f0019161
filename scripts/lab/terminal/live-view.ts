import { stripVTControlCharacters } from 'node:util'
import { chalk } from 'zx/core'
import type { PollResultResponse } from '../../../proto/gen/polling.ts'
import type { LiveNews } from '../service/follow.ts'
import { asJson, visible, widthOf } from '../visible.ts'
import { columnsOf, obeysCodes } from './abilities.ts'
import { resultBars } from './poll-view.ts'

/** A way to show results that are followed. */
export type LiveView = { readonly show: (news: LiveNews) => void; readonly end: () => void }

/** Whether the answer goes to a terminal that can move its cursor. */
export const canDraw = (): boolean => obeysCodes(process.stdout)

type Size = { readonly columns?: number; readonly rows?: number }

/** A picture that replaces the last one. If it is higher than the screen, only its end is shown, so that nothing scrolls. */
export function redrawn(picture: string, { columns = 0, rows = 0 }: Size = process.stdout): string {
  const lines = picture.split('\n')
  const heights = lines.map((line) =>
    // If a wide character does not fit into the last column, that column stays empty.
    columns > 1 ? Math.max(1, Math.ceil(widthOf(stripVTControlCharacters(line)) / (columns - 1))) : 1,
  )
  let first = 0
  // The cursor takes the last line.
  for (let height = sum(heights); rows > 0 && height > rows - 1 && first < lines.length - 1; first++)
    height -= heights[first] ?? 0
  // Home, then clear what is left of the last picture: no flicker.
  return `\x1b[H\x1b[J${lines.slice(first).join('\n')}`
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, it) => all + it, 0)

/** A picture for a terminal, drawn again at each change. */
export function livePicture(): LiveView {
  let results = ''
  let note = ''
  const draw = () => console.log(redrawn(`${results}\n\n${note}`))
  return {
    show(news) {
      if (news.kind === 'results') results = resultBars(news.results, columnsOf(process.stdout))
      note = news.kind === 'results' ? chalk.green('● live') : chalk.yellow(`○ ${news.kind}: ${visible(news.why)}`)
      draw()
    },
    end() {
      note = 'closed'
      draw()
    },
  }
}

/** One line for each change, as JSON on request. Other events go to stderr. */
export function liveLines(json: boolean): LiveView {
  let last = ''
  return {
    show(news) {
      if (news.kind !== 'results') return console.error(`○ ${news.kind}: ${visible(news.why)}`)
      const line = json ? asJson(withoutToken(news.results)) : countsLine(news.results)
      // Repeated results only show that the stream is alive.
      if (line === last) return
      last = line
      console.log(json ? line : `${new Date().toISOString()}  ${line}`)
    },
    end: () => console.error('closed'),
  }
}

const withoutToken = ({ uuid, poll_questions, results }: PollResultResponse) => ({ uuid, poll_questions, results })

const countsLine = ({ results }: PollResultResponse): string =>
  [...results].map(([option, votes]) => `${visible(option)} ${votes}`).join('  ')
