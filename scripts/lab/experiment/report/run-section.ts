import type { Call, Run } from '../record.ts'
import { errorsSeen } from './errors-seen.ts'
import { eventList, findings } from './findings.ts'
import { type Html, html } from './html.ts'
import { keyFigures } from './key-figures.ts'
import { rtoBar } from './rto-bar.ts'
import { closeUpOf, timeline, wholeOf } from './timeline.ts'
import { count, plural, seconds } from './units.ts'
import { shortly, VERDICTS } from './words.ts'

/** Everything about one run, below its verdict. */
export function runBody(id: string, run: Run, calls: readonly Call[]): Html {
  const closeUp = closeUpOf(run)
  return html`${keyFigures(run.judgement)}
<h3>The RTO in its parts</h3>
${rtoBar(run)}
<h3>The whole run</h3>
${timeline(`${id}-whole`, 'Timeline of the whole run', run, calls, wholeOf(run, calls))}
${captions(calls)}
${closeUp === null ? null : html`<h3>Around the fault</h3>${timeline(`${id}-close`, 'Timeline around the fault', run, calls, closeUp)}`}
${eventList(run)}
${errorsSeen(run, calls)}
${findings(run)}`
}

/** One of several runs, folded to one line. */
export function foldedRun(id: string, run: Run, calls: readonly Call[]): Html {
  const { judgement } = run
  const { sign, word } = VERDICTS[judgement.verdict]
  return html`<details class="run"><summary><span class="verdict ${judgement.verdict}">${sign} ${word}</span> <b>${shortly(run.plan)}</b> <span class="summed">RTO ${judgement.rto === null ? 'none' : seconds(judgement.rto)}, ${plural(judgement.lost.length, 'vote')} lost, in <code>${run.name}</code></span></summary><div id="${id}">${reasons(run)}${runBody(id, run, calls)}</div></details>`
}

/** The reasons for the verdict. */
export const reasons = ({ judgement }: Run): Html =>
  html`<ul class="reasons">${judgement.reasons.map((it) => html`<li>${it}</li>`)}</ul>`

function captions(calls: readonly Call[]): Html {
  return html`<ul class="captions">
<li><b>Calls answered:</b> each bar counts the calls that ended in its time, by outcome. Failures are drawn at least 5 pixels high, so that you see one among hundreds.</li>
<li><b>How long each call took:</b> each of the ${count(calls.length)} calls is a mark where it ended, on a scale on which each step is ten times the one before. Calls that would be drawn on the same spot are drawn once; no failure and no extreme is left out.</li>
<li><b>Who was the primary:</b> what each database said of itself when it was asked; it counts until the database was asked again. The number of the timeline goes up with every promotion.</li>
<li><b>Position in the WAL:</b> what the primary has written, and what the standby has received and replayed. A failover would lose the WAL between what is written and what is received at that moment.</li>
</ul>`
}
