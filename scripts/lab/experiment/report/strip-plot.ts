import { median } from '../../numbers.ts'
import type { Run } from '../record.ts'
import { faultOf, type Group } from './groups.ts'
import { type Html, html } from './html.ts'
import { extent, linear, type Scale } from './scale.ts'
import { clipped, drawing, RIGHT } from './svg.ts'
import { VERDICTS } from './words.ts'

const ROW = 40
const TOP = 8
const NAMES = 300
// Runs without a value have a column of their own.
const END = RIGHT - 70
const WITHOUT = RIGHT - 20

/** A figure for the comparison of runs. */
export type Figure = {
  readonly title: string
  readonly axis: string
  readonly value: (run: Run) => number | null
  readonly written: (value: number) => string
}

/** The distribution of a figure: a row for each plan, with a mark for each run and a line at the median. */
export function stripPlot(id: string, figure: Figure, groups: readonly Group[], link: (run: Run) => string): Html {
  const values = groups.flatMap(({ runs }) => runs.map(figure.value))
  const known = values.filter((it) => it !== null)
  const [, most] = extent(known, [0, 0])
  const x = linear([0, most > 0 ? most : 1], [NAMES, END], 8)
  const bottom = TOP + groups.length * ROW
  return drawing({
    id,
    title: figure.title,
    description: `Each mark is one of ${values.length} runs, the vertical line is the median of its row; ${groups.length} rows.`,
    height: bottom + 54,
    kind: 'strips',
    links: true,
    body: [
      ...x.ticks.map(
        (tick) =>
          html`<path class="grid" d="M${x.at(tick)} ${TOP}V${bottom}"></path><text class="tick" x="${x.at(tick)}" y="${bottom + 20}" text-anchor="middle">${tick}</text>`,
      ),
      html`<text class="tick" x="${END}" y="${bottom + 42}" text-anchor="end">${figure.axis}</text>`,
      known.length === values.length
        ? null
        : html`<text class="tick" x="${WITHOUT}" y="${bottom + 20}" text-anchor="middle">none</text>`,
      ...groups.map(
        (group, index) =>
          html`<g transform="translate(0,${TOP + index * ROW})">${name(group, groups[index - 1])}${strip(group, figure, x, link)}</g>`,
      ),
    ],
  })
}

function name({ plan }: Group, above: Group | undefined): Html {
  const begins = above === undefined || faultOf(above.plan) !== faultOf(plan)
  const block = begins ? html`<text class="block" x="0" y="25">${clipped(faultOf(plan), 24)}</text>` : null
  const recovery = plan.recovery === 'failover' ? '' : `, ${plan.recovery}`
  return html`<path class="${begins ? 'axis' : 'grid'}" d="M0 0H${RIGHT}"></path>${block}<text class="tick" x="${NAMES - 16}" y="25" text-anchor="end">${plan.level}${recovery}</text>`
}

// Marks at about the same position are drawn one above the other.
const OFFSETS = [0, -7, 7, -14, 14]
const NEAR = 9

function strip({ runs }: Group, { value, written }: Figure, x: Scale, link: (run: Run) => string): Html {
  const dots = runs
    .map((run) => ({ run, value: value(run) }))
    .map((dot) => ({ ...dot, place: dot.value === null ? WITHOUT : x.at(dot.value) }))
    .sort((a, b) => a.place - b.place)
  const drawn = dots.map((dot, index) => {
    const near = dots.slice(0, index).filter((it) => dot.place - it.place < NEAR).length
    return { ...dot, y: ROW / 2 + (OFFSETS[near % OFFSETS.length] ?? 0) }
  })
  const known = dots.map((it) => it.value).filter((it) => it !== null)
  const middle = known.length === 0 ? null : html`<path class="middle" d="M${x.at(median(known))} 2v${ROW - 4}"></path>`
  return html`${middle}${drawn.map(({ run, value, place, y }) => {
    const { verdict } = run.judgement
    const means = `${run.name}: ${value === null ? 'none' : written(value)}, ${VERDICTS[verdict].word}`
    return html`<a href="#${link(run)}" aria-label="${means}"><title>${means}</title><path class="dot ${verdict}" transform="translate(${place},${y})" d="${DOTS[verdict]}"></path></a>`
  })}`
}

// They differ by shape: a disc, a cross, a ring.
const RING = 'M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z'
const DOTS = { pass: RING, fail: 'M-5 -5L5 5M-5 5L5 -5', unknown: RING } as const
