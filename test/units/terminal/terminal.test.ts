import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { test } from 'tap'
import { columnsOf, wantsColour } from '../../../scripts/lab/terminal/abilities.ts'
import { redrawn } from '../../../scripts/lab/terminal/live-view.ts'
import { resultBars } from '../../../scripts/lab/terminal/poll-view.ts'
import { widthOf } from '../../../scripts/lab/visible.ts'
import { screenAfter } from '../../screen.ts'

test('colours are shown where a terminal knows them and nobody said otherwise', async (t) => {
  const xterm = { TERM: 'xterm' }
  const cases: readonly (readonly [Record<string, string>, onTerminal: boolean, inFile: boolean])[] = [
    [xterm, true, false],
    [{}, false, false],
    [{ TERM: 'dumb' }, false, false],
    [{ ...xterm, NO_COLOR: '1' }, false, false],
    [{ ...xterm, NO_COLOR: '0' }, false, false],
    [{ ...xterm, NO_COLOR: '' }, true, false],
    [{ ...xterm, FORCE_COLOR: '1' }, true, true],
    [{ TERM: 'dumb', FORCE_COLOR: 'true' }, true, true],
    [{ ...xterm, FORCE_COLOR: '0' }, false, false],
    [{ ...xterm, FORCE_COLOR: '' }, true, false],
    [{ ...xterm, NO_COLOR: '1', FORCE_COLOR: '1' }, false, false],
  ]
  for (const [environment, onTerminal, inFile] of cases) {
    t.equal(wantsColour({ isTTY: true }, environment), onTerminal, JSON.stringify(environment))
    t.equal(wantsColour({}, environment), inFile, `${JSON.stringify(environment)} in a file`)
  }
})

test('the width of a line is what COLUMNS says, else that of the terminal', async (t) => {
  t.equal(columnsOf({ columns: 80 }, {}), 80)
  t.equal(columnsOf({ columns: 80 }, { COLUMNS: '40' }), 40)
  t.equal(columnsOf({}, { COLUMNS: '40' }), 40)
  for (const COLUMNS of ['', '0', '-1', 'wide']) t.equal(columnsOf({ columns: 0 }, { COLUMNS }), Infinity, COLUMNS)
})

test('a picture takes the place of the last one, whatever their sizes, and nothing scrolls', async (t) => {
  const line = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.constantFrom('茶とコーヒー'.repeat(5), '\x1b[32m●\x1b[39m live'),
  )
  const pictures = fc.array(
    fc.array(
      line.map((it) => it.trimEnd()),
      { minLength: 1, maxLength: 30 },
    ),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  fc.assert(
    fc.property(pictures, fc.integer({ min: 20, max: 80 }), fc.integer({ min: 8, max: 40 }), (drawn, columns, rows) => {
      const output = drawn.map((lines) => `${redrawn(lines.join('\n'), { columns, rows })}\n`).join('')
      const screen = screenAfter(output.replaceAll('\n', '\r\n'), columns, rows)
      const seen = screen.lines.slice(0, -1)
      const last = drawn.at(-1)?.map(stripVTControlCharacters) ?? []
      const folded = last.flatMap((it) => screenAfter(it, columns, 100).lines)
      return screen.lines.length <= rows && seen.length > 0 && folded.slice(-seen.length).join('\n') === seen.join('\n')
    }),
  )
  t.pass()
})

test('bars of options of any script stand below each other, in as much room as there is', async (t) => {
  const name = fc.oneof(
    fc.constantFrom('茶', 'コーヒー', '☕', '👩🏽‍🚀', 'e\u0301', '1️⃣', 'קפה', '가'),
    fc.stringMatching(/^\w{1,9}$/),
  )
  const counts = fc.array(
    fc.tuple(
      fc.array(name, { minLength: 1, maxLength: 2 }).map((it) => it.join('')),
      fc.nat(5000),
    ),
    {
      minLength: 1,
    },
  )
  fc.assert(
    fc.property(counts, fc.integer({ min: 40, max: 120 }), (rows, columns) => {
      const results = new Map(rows)
      const bars = resultBars({ uuid: 'u', poll_questions: 'q', results }, columns).split('\n').slice(1, -1)
      const starts = bars.filter((bar) => bar.includes('█')).map((bar) => widthOf(bar.slice(0, bar.indexOf('█'))))
      return new Set(starts).size <= 1 && bars.every((bar) => widthOf(bar) <= columns)
    }),
  )
  t.pass()
})
