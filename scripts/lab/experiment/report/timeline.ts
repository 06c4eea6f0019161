import type { Call, Event, Run } from '../record.ts'
import { type Html, html } from './html.ts'
import { latencyPanel } from './latency-panel.ts'
import { lostPanel } from './lost-panel.ts'
import { lsnPanel } from './lsn-panel.ts'
import { outcomesPanel } from './outcomes-panel.ts'
import { heightOf, panelAt, type Scene } from './panel.ts'
import { rolesPanel } from './roles-panel.ts'
import { extent, linear, type Scale, type Span } from './scale.ts'
import { clipped, drawing, LEFT, RIGHT, WIDTH, widthOf } from './svg.ts'
import { minus, moment, seconds } from './units.ts'
import { EVENTS } from './words.ts'

const ROW = 21
const BRACKET = 30
const AXIS = 52
const LABEL_ROWS = 12

/** When the fault began; for a run without a fault, its start. */
export const originOf = ({ events }: Run): number => events.find((it) => it.kind === 'fault')?.at ?? 0

/** The moment from which the times of a run are counted. */
export const originName = ({ events }: Run): string =>
  events.some((it) => it.kind === 'fault') ? 'the fault' : 'the start'

/** The whole time of a run, to the end of its last call. */
export function wholeOf(run: Run, calls: readonly Call[]): Span {
  const [, last] = extent(
    calls.values().map((it) => it.end),
    [0, 0],
  )
  return [0, Math.max(run.length, last)]
}

/** The time from the fault until the service was back, if that is a small part of the run. */
export function closeUpOf(run: Run): Span | null {
  const { rto } = run.judgement
  if (rto === null || rto <= 0 || rto > run.length / 5) return null
  const origin = originOf(run)
  return [Math.max(0, origin - rto / 2), Math.min(run.length, origin + rto * 1.6)]
}

/** What happened: panels with the same axis of time, and the events marked through all of them. */
export function timeline(id: string, title: string, run: Run, calls: readonly Call[], [from, to]: Span): Html {
  const origin = originOf(run)
  const x = linear([from, to], [LEFT, RIGHT])
  const scene: Scene = { run, calls: calls.filter((it) => it.end >= from && it.end <= to), x }
  const labels = labelsOf(run, x, origin)
  const top = Math.max(0, ...labels.map((it) => (it.row ?? 0) + 1)) * ROW + BRACKET
  const panels = [
    outcomesPanel(scene),
    ...(run.judgement.lost.length > 0 ? [lostPanel(scene)] : []),
    latencyPanel(scene),
    rolesPanel(scene),
    lsnPanel(scene),
  ]
  const drawn: Html[] = []
  let bottom = top
  for (const panel of panels) {
    drawn.push(panelAt(bottom, panel))
    bottom += heightOf(panel)
  }
  return drawing({
    id,
    title,
    description: `On one axis of time, in seconds since ${originName(run)}: ${panels.map((it) => it.title).join('; ')}. Events: ${labels.map((it) => it.text).join('; ') || 'none'}.`,
    height: bottom + AXIS,
    kind: 'timeline',
    body: [
      outage(run, x, origin, top, bottom),
      ...labels.map((label) => leader(label, bottom)),
      ...drawn,
      ...labels.map(written),
      timeAxis(x, run, bottom),
    ],
  })
}

/** The time of the RTO, shaded through all panels. */
function outage(run: Run, x: Scale, origin: number, top: number, bottom: number): Html | null {
  const { rto } = run.judgement
  if (rto === null) return null
  const left = x.at(Math.max(x.from, origin))
  const right = x.at(Math.min(x.to, origin + rto))
  if (right <= left) return null
  const y = top - 14
  const text = `RTO ${seconds(rto)}`
  const fits = right + widthOf(text) + 8 < WIDTH
  return html`<rect class="outage" x="${left}" y="${y}" width="${(right - left).toFixed(1)}" height="${bottom - y}"></rect><path class="bracket" d="M${left} ${y - 5}v10m0 -5H${right}m0 -5v10"></path><text class="rto" x="${fits ? right + 8 : left - 8}" y="${y + 5}" text-anchor="${fits ? 'start' : 'end'}">${text}</text>`
}

const leader = ({ event, x, row }: Label, bottom: number): Html =>
  html`<path class="event ${event.kind}" d="M${x} ${(row ?? 0) * ROW + 4}V${bottom}"><title>${event.what}</title></path>`

// Near the right edge a label is on the left of its line.
function written({ event, x, text, row }: Label): Html | null {
  if (row === null) return null
  const fits = x + widthOf(text) + 8 < WIDTH
  return html`<text class="label ${event.kind}" x="${fits ? x + 6 : x - 6}" y="${row * ROW + 15}" text-anchor="${fits ? 'start' : 'end'}">${text}</text>`
}

function timeAxis(x: Scale, run: Run, y: number): Html {
  const origin = originOf(run)
  const since = linear([x.from - origin, x.to - origin], [LEFT, RIGHT], 10)
  return html`<g transform="translate(0,${y})"><path class="axis" d="M${LEFT} 4H${RIGHT}"></path>${since.ticks.map(
    (tick) =>
      html`<path class="axis" d="M${since.at(tick)} 4v6"></path><text class="tick" x="${since.at(tick)}" y="25" text-anchor="middle">${minus(String(tick / 1000))}</text>`,
  )}<text class="tick" x="${RIGHT}" y="46" text-anchor="end">seconds since ${originName(run)}</text></g>`
}

/** An event with its label, and the row of the label: null if there is no more room. */
type Label = { readonly event: Event; readonly x: number; readonly text: string; readonly row: number | null }

/** Labels of events. Each is one row lower than the one before, so that no line to the plots crosses a label. */
export function labelsOf({ events, plan }: Run, x: Scale, origin: number): Label[] {
  let row = -1
  let taken = Number.NEGATIVE_INFINITY
  return events
    .filter(({ at }) => at >= x.from && at <= x.to)
    .sort((a, b) => a.at - b.at)
    .map((event) => {
      const what = event.kind === 'fault' ? `${clipped(plan.fault, 24)} of` : EVENTS[event.kind]
      const text = `${moment(event.at - origin)}  ${what} ${event.node ?? ''}`.trim()
      const left = x.at(event.at)
      row = left > taken ? 0 : row + 1
      taken = Math.max(taken, left + widthOf(text) + 16)
      return { event, x: left, text, row: row < LABEL_ROWS ? row : null }
    })
}
