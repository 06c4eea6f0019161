import type { Event, Run } from '../record.ts'
import type { Scale } from './scale.ts'
import { clipped, widthOf } from './svg.ts'
import { moment } from './units.ts'
import { EVENTS } from './words.ts'

/** An event with its label, and the row of the label: null if there is no more room. */
export type Label = { readonly event: Event; readonly x: number; readonly text: string; readonly row: number | null }

const ROWS = 12

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
      return { event, x: left, text, row: row < ROWS ? row : null }
    })
}
