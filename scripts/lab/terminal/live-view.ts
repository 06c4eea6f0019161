import { chalk } from 'zx/core'
import type { PollResultResponse } from '../../../proto/gen/polling.ts'
import type { LiveNews } from '../service/follow.ts'
import { asJson, visible } from '../visible.ts'
import { resultBars } from './poll-view.ts'

/** How followed results are shown. */
export type LiveView = { readonly show: (news: LiveNews) => void; readonly end: () => void }

/** Whether the answer goes to a terminal that can move its cursor. */
export const canDraw = (): boolean => process.stdout.isTTY === true && process.env['TERM'] !== 'dumb'

/** A picture that is drawn anew, for a terminal. */
export function livePicture(): LiveView {
  let results = ''
  let note = ''
  // Home, then clear what is left of the last picture: no flicker.
  const draw = () => console.log(`\x1b[H\x1b[J${results}\n\n${note}`)
  return {
    show(news) {
      if (news.kind === 'results') results = resultBars(news.results)
      note = news.kind === 'results' ? chalk.green('● live') : chalk.yellow(`○ ${news.kind}: ${visible(news.why)}`)
      draw()
    },
    end() {
      note = 'closed'
      draw()
    },
  }
}

/** One line a change, as JSON if so wished; what else happens goes to stderr. */
export function liveLines(json: boolean): LiveView {
  let last = ''
  return {
    show(news) {
      if (news.kind !== 'results') return console.error(`○ ${news.kind}: ${visible(news.why)}`)
      const line = json ? asJson(withoutToken(news.results)) : countsLine(news.results)
      // A repetition only says that the stream is alive.
      if (line === last) return
      last = line
      console.log(json ? line : `${new Date().toISOString()}  ${line}`)
    },
    end: () => console.error('closed'),
  }
}

const withoutToken = ({ uuid, poll_questions, results }: PollResultResponse) => ({ uuid, poll_questions, results })

const countsLine = ({ results }: PollResultResponse): string =>
  Object.entries(results)
    .map(([option, votes]) => `${visible(option)} ${votes}`)
    .join('  ')
