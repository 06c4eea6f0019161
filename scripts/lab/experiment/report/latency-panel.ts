import { median } from '../../numbers.ts'
import type { Call } from '../record.ts'
import { type Html, html } from './html.ts'
import { barOf, KINDS } from './outcomes-panel.ts'
import { nothing, type Panel, type Scene, upright } from './panel.ts'
import { extent, logarithmic, type Scale } from './scale.ts'
import { cloud, MARKS, marks } from './svg.ts'
import { count } from './units.ts'
import { OUTCOMES } from './words.ts'

const HEIGHT = 170

/** How long each call took. */
export function latencyPanel({ calls, x }: Scene): Panel {
  const y = logarithmic(extent(calls.values().map(tookOf), [1, 1000]), [HEIGHT, 0])
  const points = (kind: Call['outcome']) =>
    calls
      .values()
      .filter((it) => it.outcome === kind)
      .map((it) => [x.at(it.end), y.at(tookOf(it))] as const)
  return {
    title: 'How long each call took',
    legend: [
      ...KINDS.map((kind) => ({
        label: kind === 'ok' ? OUTCOMES.ok : kind,
        sign: html`<path class="mark ${kind}" d="${MARKS[kind](8, -5)}"></path>`,
      })),
      { label: 'median', sign: html`<path class="median" d="M0 -5h16"></path>` },
    ],
    height: HEIGHT,
    body: [
      upright(y, (ms) => (ms < 1000 ? `${ms} ms` : `${count(ms / 1000)} s`)),
      calls.length === 0 ? nothing('no calls are recorded', HEIGHT) : null,
      cloud('ok', points('ok')),
      medianLine(calls, x, y),
      marks('definite', points('definite')),
      marks('indefinite', points('indefinite')),
    ],
  }
}

// If the clock steps back or is too coarse, a call must still be on the scale.
const tookOf = ({ start, end }: Call): number => Math.max(end - start, 0.1)

/** The median of the acknowledged calls in each bar; interrupted if there were none. */
function medianLine(calls: readonly Call[], x: Scale, y: Scale): Html | null {
  const bar = barOf(x)
  const acknowledged = calls.filter((it) => it.outcome === 'ok')
  const bars = Map.groupBy(acknowledged, (it) => Math.floor((it.end - x.from) / bar))
  const points = [...bars].sort(([a], [b]) => a - b)
  const line = points.map(([at, within]) => {
    const to = bars.has(at - 1) ? 'L' : 'M'
    return `${to}${x.at(x.from + (at + 0.5) * bar)} ${y.at(median(within.map(tookOf)))}`
  })
  return line.length === 0 ? null : html`<path class="median" d="${line.join('')}"></path>`
}
