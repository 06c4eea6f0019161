import { median } from '../../numbers.ts'
import { type Judgement, managedAs, type Run } from '../record.ts'
import { faultOf, type Group, tally } from './groups.ts'
import { type Html, html } from './html.ts'
import { extent } from './scale.ts'
import { count, seconds, shortTime } from './units.ts'
import { held, VERDICTS } from './words.ts'

const HEAD = [
  'Fault',
  'Durability',
  'Manager',
  'Recovery',
  'Runs',
  'Verdicts',
  'RTO',
  'Lost votes',
  'Two primaries',
  'Longest gap in writes',
  'A vote before the fault',
]

/** The comparison: one row for each plan, with the medians of its runs and how far they differ. */
export const matrixTable = (groups: readonly Group[]): Html =>
  html`<div class="wide" role="region" tabindex="0" aria-label="Comparison of all plans"><table class="matrix"><thead><tr>${HEAD.map((it) => html`<th scope="col">${it}</th>`)}</tr></thead><tbody>${groups.map((group, index) => row(group, groups[index - 1], groups))}</tbody></table></div>`

function row({ plan, runs }: Group, above: Group | undefined, all: readonly Group[]): Html {
  const begins = above === undefined || faultOf(above.plan) !== faultOf(plan)
  const asides = [held(plan), differs(all) ? load({ plan, runs }) : ''].filter((it) => it !== '').join('; ')
  const cells = [
    html`${plan.level}`,
    html`${managedAs(plan)}`,
    html`${plan.recovery}`,
    html`${count(runs.length)}`,
    verdicts(runs),
    spread(runs.map((it) => it.judgement.rto)),
    lost(runs),
    spread(runs.map((it) => it.judgement.splitBrain)),
    spread(runs.map((it) => gap(it.judgement))),
    pace(runs),
  ]
  // On a narrow page a row becomes a block, and each cell shows its heading.
  return html`<tr class="${begins ? 'begins' : 'goes-on'}"><th scope="row">${faultOf(plan)}${aside(asides)}</th>${cells.map((cell, index) => html`<td data-head="${HEAD[index + 1] ?? ''}"><div>${cell}</div></td>`)}</tr>`
}

/** Whether the plans differ in their load: then each row names it. */
const differs = (groups: readonly Group[]): boolean => new Set(groups.map(load)).size > 1

const load = ({ plan }: Group): string =>
  `${plan.voters} voters, ${plan.readers} readers, ${plan.before} s before and ${plan.after} s after`

const aside = (text: string): Html | null => (text === '' ? null : html`<small>${text}</small>`)

function verdicts(runs: readonly Run[]): Html {
  const found = tally(runs).filter(({ times }) => times > 0)
  return html`${found.map(({ verdict, times }) => html`<span class="verdict ${verdict}">${VERDICTS[verdict].sign} ${count(times)} ${verdict}</span> `)}`
}

/** The median, and below it the least and the greatest value. */
function spread(values: readonly (number | null)[]): Html {
  const known = values.filter((it) => it !== null)
  if (known.length === 0) return html`none`
  const [least, most] = extent(known, [0, 0])
  const missing = values.length - known.length
  const range = `${seconds(least)} to ${seconds(most)}${missing === 0 ? '' : `; ${missing} without`}`
  return html`<b>${seconds(median(known))}</b>${aside(values.length === 1 ? '' : range)}`
}

function lost(runs: readonly Run[]): Html {
  const numbers = runs.map((it) => it.judgement.lost.length)
  const [least, most] = extent(numbers, [0, 0])
  const total = numbers.reduce((sum, it) => sum + it, 0)
  if (most === 0) return html`0`
  return html`<b class="broken">${least === most ? count(most) : `${count(least)} to ${count(most)}`}</b>${aside(runs.length === 1 ? '' : `${count(total)} in all`)}`
}

const gap = ({ writes: { longestGap } }: Judgement): number | null =>
  longestGap === null ? null : longestGap.to - longestGap.from

/** What the durability level costs before the fault. */
function pace(runs: readonly Run[]): Html {
  const paces = runs.flatMap(({ judgement }) => judgement.pace ?? [])
  if (paces.length === 0) return html`none`
  const perSecond = median(paces.map((it) => it.perSecond))
  return html`<b>${shortTime(median(paces.map((it) => it.median)))}</b>${aside(`${count(Math.round(perSecond))} a second`)}`
}
