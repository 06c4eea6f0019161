import type { DatabaseName } from '../../topology/topology.ts'
import type { Call, Run } from '../record.ts'
import { type Html, html } from './html.ts'
import type { Scale } from './scale.ts'
import { LEFT, RIGHT, widthOf } from './svg.ts'

/** The data of a timeline's panels: a run, its calls that ended in the time shown, and that time. */
export type Scene = { readonly run: Run; readonly calls: readonly Call[]; readonly x: Scale }

/** One of the plots that are drawn one below the other with the same axis of time. */
export type Panel = {
  readonly title: string
  readonly legend: readonly Key[]
  readonly height: number
  readonly body: readonly (Html | null)[]
}
type Key = { readonly label: string; readonly sign: Html }

/** The databases of a run, in the order of their lanes and lines in a panel. */
export const databasesOf = ({ samples }: Run): readonly DatabaseName[] =>
  (samples[0]?.databases ?? []).map(({ name }) => name)

const HEADER = 52
const BASELINE = 36

/** The whole height of a panel, its heading included. */
export const heightOf = (panel: Panel): number => HEADER + panel.height

/** A panel with its heading and legend, at a vertical position of the drawing. */
export function panelAt(y: number, panel: Panel): Html {
  let right = RIGHT
  const keys = panel.legend.toReversed().map(({ label, sign }) => {
    right -= widthOf(label, 14) + 34
    return html`<g transform="translate(${Math.round(right)},${BASELINE})">${sign}<text class="key" x="20">${label}</text></g>`
  })
  return html`<g transform="translate(0,${y})"><text class="heading" x="${LEFT}" y="${BASELINE}">${panel.title}</text>${keys}<g transform="translate(0,${HEADER})">${panel.body}</g></g>`
}

/** The lines and labels of a vertical axis. */
export const upright = (scale: Scale, label: (value: number) => string): Html =>
  html`${scale.ticks.map((tick) => html`<path class="grid" d="M${LEFT} ${scale.at(tick)}H${RIGHT}"></path><text class="tick" x="${LEFT - 10}" y="${scale.at(tick) + 5}" text-anchor="end">${label(tick)}</text>`)}`

/** The text of a panel that has nothing to draw. */
export const nothing = (text: string, height: number): Html =>
  html`<text class="nothing" x="${(LEFT + RIGHT) / 2}" y="${height / 2}" text-anchor="middle">${text}</text>`
