import type { Run } from '../record.ts'
import { type Html, html, table } from './html.ts'
import { originName, originOf } from './timeline.ts'
import { count, moment } from './units.ts'
import { EVENTS } from './words.ts'

// The page shows the first of a list; the run's result.json has all.
const SHOWN = 100

/** The faults that the judge found, by name. */
export function findings(run: Run): Html {
  const { lost, duplicates, phantoms, staleReads } = run.judgement
  const origin = originOf(run)
  const since = `since ${originName(run)}`
  return html`${[
    list(
      'Lost votes',
      'Acknowledged to the voter, but not in the database after the recovery.',
      ['Voter', 'Voted for', 'In the poll', `Acknowledged, ${since}`],
      lost.map((it) => [it.user, it.option, it.poll, moment(it.at - origin)]),
    ),
    list(
      'Stale reads',
      'Reads that sent the token of a write, but did not see the write.',
      [`Read, ${since}`, 'Caller', 'Had to see', 'Saw'],
      staleReads.map((it) => [moment(it.at - origin), String(it.client), count(it.expected), count(it.seen)]),
    ),
    list(
      'Duplicates',
      'Voters who were counted twice.',
      ['Voter'],
      duplicates.map((it) => [it]),
    ),
    list(
      'Phantoms',
      'Votes that are stored although an error said that they are not, or although nobody cast them.',
      ['Vote'],
      phantoms.map((it) => [it]),
    ),
  ]}`
}

/** All events, in order. */
export function eventList(run: Run): Html {
  const origin = originOf(run)
  const rows = run.events
    .toSorted((a, b) => a.at - b.at)
    .map((it) => [moment(it.at - origin), EVENTS[it.kind], it.node ?? '', it.what])
  return html`<h3>What happened, step by step</h3>${
    rows.length === 0
      ? html`<p class="caption">No event is recorded.</p>`
      : table([`Since ${originName(run)}`, 'Event', 'Node', 'What'], rows)
  }`
}

function list(
  title: string,
  means: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Html | null {
  if (rows.length === 0) return null
  const more = rows.length - SHOWN
  const rest = more > 0 ? html`<p class="caption">… and ${count(more)} more; the run’s result.json has all.</p>` : null
  return html`<h3>${title}: ${count(rows.length)}</h3><p class="caption">${means}</p>${table(head, rows.slice(0, SHOWN))}${rest}`
}
