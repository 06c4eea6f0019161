import { html } from './html.ts'
import type { Panel, Scene } from './panel.ts'
import { MARKS, marks } from './svg.ts'
import { count } from './units.ts'

const HEIGHT = 22

/** When the lost votes were acknowledged. */
export function lostPanel({ run, x }: Scene): Panel {
  const within = run.judgement.lost.filter((it) => it.at >= x.from && it.at <= x.to)
  return {
    title: `Acknowledged, then lost: ${count(run.judgement.lost.length)}`,
    legend: [{ label: 'lost vote', sign: html`<path class="mark lost" d="${MARKS.lost(8, -5)}"></path>` }],
    height: HEIGHT,
    body: [
      html`<path class="grid" d="M${x.at(x.from)} ${HEIGHT / 2}H${x.at(x.to)}"></path>`,
      marks(
        'lost',
        within.map((it) => [x.at(it.at), HEIGHT / 2]),
      ),
    ],
  }
}
