// Finds out what the terminals of a verb can show. It is loaded first, so it imports only small modules.
import { decimal } from '../numbers.ts'

type Stream = { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }
type Environment = Readonly<Record<string, string | undefined>>

/** Whether a stream is a terminal that obeys escape sequences. */
export const obeysCodes = ({ isTTY }: Stream, { TERM = '' }: Environment = process.env): boolean =>
  isTTY === true && TERM !== '' && TERM !== 'dumb'

/** Whether colours are wanted there. A variable set to nothing counts as unset; NO_COLOR wins, https://no-color.org. */
export function wantsColour(stream: Stream, environment: Environment = process.env): boolean {
  const { NO_COLOR = '', FORCE_COLOR = '' } = environment
  if (NO_COLOR !== '') return false
  if (FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return obeysCodes(stream, environment)
}

/** The width of a line: what COLUMNS says, else the width of the terminal. In a file there is no limit. */
export function columnsOf({ columns = 0 }: Stream, { COLUMNS = '' }: Environment = process.env): number {
  const wished = decimal(COLUMNS)
  if (Number.isInteger(wished) && wished > 0) return wished
  return columns > 0 ? columns : Number.POSITIVE_INFINITY
}

/** Whether answers are coloured, and whether the other messages are, on stderr. */
export const coloured = { answers: wantsColour(process.stdout), besides: wantsColour(process.stderr) }

/** Tells libraries: by themselves they only look whether stdout is a terminal, and some count an empty variable as set. */
export function settleColours(): void {
  delete process.env['NO_COLOR']
  if (coloured.besides) return
  delete process.env['FORCE_COLOR']
  process.env['NO_COLOR'] = '1'
}
