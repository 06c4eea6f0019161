import type { Call } from '../record.ts'
import { type Html, html } from './html.ts'
import { nothing, type Panel, type Scene, upright } from './panel.ts'
import { linear, roundStep, type Scale } from './scale.ts'
import { count } from './units.ts'
import { OUTCOMES } from './words.ts'

const HEIGHT = 150
export const KINDS = ['ok', 'definite', 'indefinite'] as const
// One failure among hundreds has to be visible.
const LEAST_FAILURE = 5

/** The time of one bar. */
export const barOf = (x: Scale): number => roundStep((x.to - x.from) / 200)

/** The number of calls that ended in each span of time, by outcome. */
export function outcomesPanel({ calls, x }: Scene): Panel {
  const bar = barOf(x)
  const bars = barsOf(calls, x.from, bar)
  const y = linear([0, Math.max(1, ...bars.values().map((it) => it.ok + it.definite + it.indefinite))], [HEIGHT, 0], 4)
  return {
    title: `Calls answered per ${count(bar)} ms`,
    legend: KINDS.map((kind) => ({
      label: OUTCOMES[kind],
      sign: html`<rect class="bar ${kind}" y="-12" width="14" height="14"></rect>`,
    })),
    height: HEIGHT,
    body: [
      upright(y, count),
      calls.length === 0 ? nothing('no calls are recorded', HEIGHT) : null,
      ...pathsOf(bars, bar, x, y),
    ],
  }
}

type Bar = Record<Call['outcome'], number>

function barsOf(calls: readonly Call[], from: number, bar: number): ReadonlyMap<number, Bar> {
  const bars = new Map<number, Bar>()
  for (const { end, outcome } of calls) {
    const at = Math.floor((end - from) / bar)
    const counts = bars.get(at) ?? { ok: 0, definite: 0, indefinite: 0 }
    counts[outcome]++
    bars.set(at, counts)
  }
  return bars
}

function pathsOf(bars: ReadonlyMap<number, Bar>, bar: number, x: Scale, y: Scale): Html[] {
  const paths: Record<Call['outcome'], string> = { ok: '', definite: '', indefinite: '' }
  for (const [at, counts] of bars) {
    const left = x.at(x.from + at * bar)
    const width = (x.at(x.from + (at + 1) * bar) - left - 0.8).toFixed(1)
    let top = HEIGHT
    for (const kind of KINDS) {
      if (counts[kind] === 0) continue
      const height = Math.max(HEIGHT - y.at(counts[kind]), kind === 'ok' ? 0 : LEAST_FAILURE)
      top -= height
      paths[kind] += `M${left} ${top.toFixed(1)}h${width}v${height.toFixed(1)}h-${width}z`
    }
  }
  return KINDS.filter((kind) => paths[kind] !== '').map(
    (kind) => html`<path class="bar ${kind}" d="${paths[kind]}"></path>`,
  )
}
