import { type Html, html } from './html.ts'

// All plots are drawn on a canvas of this width and scaled to the page's.
export const WIDTH = 1040
export const LEFT = 92
export const RIGHT = WIDTH - 16

/** A drawing, with a title and a description for people who do not see it. */
export function drawing(of: {
  id: string
  title: string
  description: string
  height: number
  kind: string
  /** Whether it has links: then it is not a single picture. */
  links?: boolean
  body: readonly (Html | null)[]
}): Html {
  return html`<div class="plot" role="region" tabindex="0" aria-label="${of.title}"><svg class="${of.kind}" role="${of.links === true ? 'group' : 'img'}" viewBox="0 0 ${WIDTH} ${of.height}" aria-labelledby="${of.id}-title ${of.id}-text"><title id="${of.id}-title">${of.title}</title><desc id="${of.id}-text">${of.description}</desc>${of.body}</svg></div>`
}

/** About how wide a text is: good enough to keep labels apart. */
export const widthOf = (text: string, size = 14): number => text.length * size * 0.6

/** A text, cut if it is too long. */
export const clipped = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text

/** Patterns that distinguish outcomes without colour, and the clip path of plots. All drawings of the page use them. */
export const patterns = html`<svg class="patterns" width="0" height="0" aria-hidden="true"><defs>
<pattern id="definite" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="definite-ground" width="6" height="6"></rect><rect class="definite-line" width="3" height="6"></rect></pattern>
<pattern id="indefinite" width="5" height="5" patternUnits="userSpaceOnUse"><rect class="indefinite-ground" width="5" height="5"></rect><circle class="indefinite-line" cx="2.5" cy="2.5" r="1.3"></circle></pattern>
<pattern id="silent" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect class="silent-line" width="2" height="8"></rect></pattern>
<clipPath id="plot"><rect x="${LEFT}" y="-20" width="${RIGHT - LEFT}" height="1000"></rect></clipPath>
</defs></svg>`

/** The marks for calls of each outcome and for a lost vote. They differ by shape. */
export const MARKS = {
  ok: (x: number, y: number) => `M${x} ${y}h0`,
  definite: (x: number, y: number) => `M${x - 4} ${y - 4}l8 8m-8 0l8-8`,
  indefinite: (x: number, y: number) => `M${x} ${y - 5}l5 9h-10z`,
  lost: (x: number, y: number) => `M${x} ${y - 6}l6 6-6 6-6-6z`,
} as const

// Marks that are nearer than this can hardly be distinguished.
const SPOT = 4

/** One path of many marks. Marks at the same position are drawn once. */
export function marks(kind: keyof typeof MARKS, points: Iterable<Point>): Html | null {
  const paths = new Set<string>()
  for (const [x, y] of points) paths.add(MARKS[kind](Math.round(x / SPOT) * SPOT, Math.round(y / SPOT) * SPOT))
  return path(kind, [...paths])
}

/** Thousands of points as one path, on a grid of a point's width: neighbours in a row become one line. */
export function cloud(kind: keyof typeof MARKS, points: Iterable<Point>, grid = 3): Html | null {
  const rows = new Map<number, Set<number>>()
  for (const [x, y] of points) {
    const row = Math.round(y / grid)
    rows.set(row, (rows.get(row) ?? new Set()).add(Math.round(x / grid)))
  }
  const lines = [...rows].flatMap(([row, cells]) =>
    [...cells]
      .filter((cell) => !cells.has(cell - 1))
      .map((first) => {
        let last = first
        while (cells.has(last + 1)) last++
        return `M${first * grid} ${row * grid}h${(last - first) * grid}`
      }),
  )
  return path(kind, lines)
}

type Point = readonly [x: number, y: number]

const path = (kind: string, parts: readonly string[]): Html | null =>
  parts.length === 0 ? null : html`<path class="mark ${kind}" d="${parts.join('')}"></path>`
