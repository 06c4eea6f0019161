import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { machineLine } from '../../docker/machine.ts'
import type { Call, Experiment } from '../record.ts'
import { groupsOf, tally } from './groups.ts'
import { type Html, html, raw } from './html.ts'
import { matrixSection } from './matrix-section.ts'
import { reasons, runBody } from './run-section.ts'
import { patterns } from './svg.ts'
import { count, date, plural } from './units.ts'
import { story, VERDICTS } from './words.ts'

const style = readFileSync(join(import.meta.dirname, 'style.css'), 'utf8')

/** The report of an experiment as one page that needs no other file. `calls`: histories by the names of the runs. */
export function reportPage(experiment: Experiment, calls: ReadonlyMap<string, readonly Call[]>): string {
  const { sign, word, ofOne, ofMany } = VERDICTS[experiment.verdict]
  const [run, ...more] = experiment.runs
  const single = run !== undefined && more.length === 0 ? run : undefined
  const body =
    single !== undefined
      ? html`<h2 class="hidden">The run</h2>${runBody('run-1', single, calls.get(single.name) ?? [])}`
      : run === undefined
        ? html`<p>The experiment has no runs.</p>`
        : matrixSection(experiment, calls)
  // With this policy the browser refuses to load or run anything.
  const page = html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>${word}: failover experiment of ${date(experiment.at)}</title><style>${raw(style)}</style></head><body>${patterns}<main>
<header><p class="kicker">Failover experiment, ${date(experiment.at)}</p><h1 class="${experiment.verdict}"><span class="sign">${sign}</span> ${word}</h1><p class="lead">${single === undefined ? ofMany : ofOne}</p>${single === undefined ? sums(experiment) : html`${reasons(single)}<p class="story">${story(single.plan)}</p>`}</header>
${body}
<footer>${where(experiment)}</footer>
</main></body></html>
`
  return page.html
}

/** The results of several runs in a few sentences. */
function sums({ runs }: Experiment): Html {
  const lost = runs.reduce((sum, it) => sum + it.judgement.lost.length, 0)
  const acknowledged = runs.reduce((sum, it) => sum + it.judgement.acknowledged, 0)
  const verdicts = tally(runs).map(({ verdict, times }) => `${count(times)} ${VERDICTS[verdict].word.toLowerCase()}`)
  return html`<p class="story">${plural(runs.length, 'run')} of ${plural(groupsOf(runs).length, 'plan')}: ${verdicts.join(', ')}. Of ${plural(acknowledged, 'acknowledged vote')} ${count(lost)} ${lost === 1 ? 'was' : 'were'} lost.</p>`
}

const where = ({ machine, postgres }: Experiment): Html =>
  html`<p>PostgreSQL ${postgres}, on ${machineLine(machine)}. Another machine gives other times: compare runs within one report, not between reports.</p>`
