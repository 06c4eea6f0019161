import { bytesOf } from '../../lsn.ts'
import type { Sample } from '../record.ts'
import { type Html, html } from './html.ts'
import { databasesOf, nothing, type Panel, type Scene, upright } from './panel.ts'
import { extent, linear, type Scale } from './scale.ts'

const HEIGHT = 160
const MIB = 1024 ** 2
const MEASURES = ['written', 'received', 'replayed'] as const
type Database = Sample['databases'][number]
type Line = { readonly name: Database['name']; readonly what: (typeof MEASURES)[number]; readonly colour: string }
type Point = readonly [at: number, mib: number]

/** The positions of both databases in the WAL. */
export function lsnPanel({ run, x }: Scene): Panel {
  const known = run.samples.flatMap((it) => it.databases.map((database) => position(database.lsn)))
  const start = known.find((it) => it !== null) ?? 0n
  // One more look on each side, so that the lines reach the edges.
  const shown = run.samples.filter(
    (_, index, all) => (all[index + 1]?.at ?? x.to) >= x.from && (all[index - 1]?.at ?? x.from) <= x.to,
  )
  const databases = databasesOf(run)
  const all = databases.flatMap((name, index) => MEASURES.map((what) => ({ name, what, colour: `database-${index}` })))
  const lines = all
    .map((line) => ({ line, stretches: stretchesOf(shown, line, start) }))
    .filter(({ stretches }) => stretches.length > 0)
  const points = lines.flatMap(({ stretches }) => stretches.flat())
  const y = linear(
    extent(
      points.map(([, mib]) => mib),
      [0, 1],
    ),
    [HEIGHT, 0],
    4,
  )
  return {
    title: 'Position in the WAL, MiB since the start',
    legend: [
      ...databases.map((name, index) => ({
        label: name,
        sign: html`<rect class="database database-${index}" y="-12" width="14" height="14"></rect>`,
      })),
      ...MEASURES.map((what) => ({ label: what, sign: html`<path class="line ${what}" d="M-12 -5h26"></path>` })),
    ],
    height: HEIGHT,
    body: [
      upright(y, (mib) => String(mib)),
      points.length === 0 ? nothing('no position is known', HEIGHT) : null,
      ...lines.map(({ line, stretches }) => pathOf(line, stretches, x, y)),
    ],
  }
}

/** The points of a line. If a look got no answer, the line is interrupted. */
function stretchesOf(samples: readonly Sample[], line: Line, start: bigint): Point[][] {
  const stretches: Point[][] = []
  let open = false
  for (const { at, databases } of samples) {
    const database = databases.find((it) => it.name === line.name)
    const lsn = database === undefined ? null : position(lsnOf(database, line.what))
    if (lsn !== null) {
      const point = [at, Number(lsn - start) / MIB] as const
      if (open) stretches.at(-1)?.push(point)
      else stretches.push([point])
    }
    open = lsn !== null
  }
  return stretches
}

function lsnOf({ role, lsn, receivedLsn }: Database, what: Line['what']): string | null {
  if (what === 'received') return role === 'standby' ? receivedLsn : null
  return role === (what === 'written' ? 'primary' : 'standby') ? lsn : null
}

const position = (lsn: string | null): bigint | null =>
  lsn !== null && /^[\dA-F]{1,8}\/[\dA-F]{1,8}$/i.test(lsn) ? bytesOf(lsn) : null

function pathOf({ what, colour }: Line, stretches: readonly Point[][], x: Scale, y: Scale): Html {
  const path = stretches
    .map((points) => points.map(([at, mib], index) => `${index === 0 ? 'M' : 'L'}${x.at(at)} ${y.at(mib)}`).join(''))
    .join('')
  return html`<path class="line ${what} ${colour}" d="${path}"></path>`
}
