import { stripVTControlCharacters } from 'node:util'
import { widthOf } from '../visible.ts'

/** Rows as lines, each column as wide as its widest cell. Cells may have colours; `right`: columns of figures. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const sizes = rows.map((row) => row.map((cell) => widthOf(stripVTControlCharacters(cell))))
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...sizes.map((row) => row[column] ?? 0)))
  return rows.map((row, nth) => {
    const cells = row.map((cell, column) => {
      const room = ' '.repeat((widths[column] ?? 0) - (sizes[nth]?.[column] ?? 0))
      return right.includes(column) ? room + cell : cell + room
    })
    return cells.join('  ').trimEnd()
  })
}
