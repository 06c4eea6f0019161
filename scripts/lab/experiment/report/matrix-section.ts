import type { Call, Experiment, Run } from '../record.ts'
import { groupsOf } from './groups.ts'
import { type Html, html } from './html.ts'
import { matrixTable } from './matrix-table.ts'
import { foldedRun } from './run-section.ts'
import { type Figure, stripPlot } from './strip-plot.ts'
import { count, plural, seconds } from './units.ts'

const RTO: Figure = {
  title: 'RTO of each run',
  axis: 'RTO in seconds',
  value: ({ judgement: { rto } }) => (rto === null ? null : rto / 1000),
  written: (it) => seconds(it * 1000),
}
const LOST: Figure = {
  title: 'Lost votes of each run',
  axis: 'lost votes',
  value: ({ judgement: { lost } }) => lost.length,
  written: (it) => plural(it, 'vote'),
}
const LEGEND =
  'Each mark is a run and links to it: ● passed, ✕ failed, ○ unknown. The vertical line is the median of its row.'

/** Several runs: first the comparison, then each run. */
export function matrixSection({ runs }: Experiment, calls: ReadonlyMap<string, readonly Call[]>): Html {
  const groups = groupsOf(runs)
  const places = new Map(runs.map((run, index) => [run, `run-${index + 1}`]))
  const link = (run: Run): string => places.get(run) ?? ''
  return html`<h2>Comparison</h2>
<p class="caption">RTO: from the fault to the first acknowledged write after it, as clients saw it. Lost votes: acknowledged, but gone after the recovery. A vote before the fault: how long a vote took before the fault, and how many a second were acknowledged; this is what the durability level costs every day. For several runs: the median, and below it the least and the greatest value.</p>
${matrixTable(groups)}
<h2>How the RTO is distributed</h2>
${stripPlot('rto-strips', RTO, groups, link)}
<p class="caption">${LEGEND}</p>
<h2>How many votes were lost</h2>
${stripPlot('lost-strips', LOST, groups, link)}
<p class="caption">${LEGEND}</p>
<h2>Each run by itself</h2>
<p class="caption">${count(runs.length)} runs; open one to see what happened in it.</p>
${runs.map((run) => foldedRun(link(run), run, calls.get(run.name) ?? []))}`
}
