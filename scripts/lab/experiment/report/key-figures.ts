import { bytes } from '../../numbers.ts'
import type { Judgement } from '../record.ts'
import { type Html, html } from './html.ts'
import { count, percent, seconds, shortTime } from './units.ts'

type Figure = { readonly name: string; readonly figure: string; readonly means: string; readonly broken?: boolean }

/** The key figures of a run, each with its meaning. */
export function keyFigures(judgement: Judgement): Html {
  return html`<dl class="figures">${figuresOf(judgement).map(
    ({ name, figure, means, broken }) =>
      html`<div class="${broken === true ? 'figure broken' : 'figure'}"><dt>${name}</dt><dd><b>${figure}</b><span>${means}</span></dd></div>`,
  )}</dl>`
}

function figuresOf(it: Judgement): Figure[] {
  const { writes, reads } = it
  return [
    {
      name: 'RTO',
      figure: it.rto === null ? 'none' : seconds(it.rto),
      means: 'from the fault to the first acknowledged write after it, as clients saw it',
    },
    {
      name: 'Lost votes (RPO)',
      figure: count(it.lost.length),
      means: `of ${count(it.acknowledged)} acknowledged; ${count(it.stored)} are stored; WAL lost: ${it.walLost === null ? 'unknown' : bytes(it.walLost)}`,
      broken: it.lost.length > 0,
    },
    {
      name: 'Longest gap in writes',
      figure: gapOf(writes),
      means: 'the longest time in which no vote was acknowledged',
    },
    {
      name: 'A vote before the fault',
      figure: it.pace === null ? 'none' : shortTime(it.pace.median),
      means:
        it.pace === null
          ? 'none was acknowledged'
          : `99 of 100 within ${shortTime(it.pace.p99)}; ${count(Math.round(it.pace.perSecond))} a second`,
    },
    { name: 'Writes that succeeded', figure: availabilityOf(writes), means: outcomesOf(writes) },
    {
      name: 'Reads that succeeded',
      figure: availabilityOf(reads),
      means: reads.calls === 0 ? 'there were no reads' : `${outcomesOf(reads)}; longest gap ${gapOf(reads)}`,
    },
    {
      name: 'Duplicates',
      figure: count(it.duplicates.length),
      means: 'voters who were counted twice',
      broken: it.duplicates.length > 0,
    },
    {
      name: 'Phantoms',
      figure: count(it.phantoms.length),
      means: 'votes that are stored although a definite error refused them, or although nobody cast them',
      broken: it.phantoms.length > 0,
    },
    {
      name: 'Stale reads',
      figure: count(it.staleReads.length),
      means: `reads that did not see their own write; ${count(it.historyLost)} more got the answer that it is lost`,
      broken: it.staleReads.length > 0,
    },
  ]
}

type Availability = Judgement['writes']

const gapOf = ({ longestGap }: Availability): string =>
  longestGap === null ? 'unknown' : seconds(longestGap.to - longestGap.from)

const availabilityOf = ({ ok, calls }: Availability): string => (calls === 0 ? 'none' : percent(ok, calls))

const outcomesOf = ({ calls, ok, definite, indefinite }: Availability): string =>
  `${count(ok)} of ${count(calls)}; errors: ${count(definite)} definite, ${count(indefinite)} indefinite`
