// A terminal of a given size: what a program that runs on it leaves on its screen.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { widthOf } from '../scripts/lab/visible.ts'

const CODE = /(?![\r\n])\p{Cc}\[(\??[\d;]*)([A-Za-z])|[\r\n]|./gsu

/** The lines that are seen after that output, those that scrolled away first, and whether the cursor is. */
export function screenAfter(output: string, columns: number, rows: number) {
  const lines: string[][] = [[]]
  let [top, row, column, cursor] = [0, 0, 0, true]
  const line = () => (lines[row] ??= [])
  const down = () => {
    row += 1
    top = Math.max(top, row - rows + 1)
    line()
  }
  for (const [character, args = '', code] of output.matchAll(CODE)) {
    const count = Number(args) || 1
    if (character === '\r') column = 0
    else if (character === '\n') down()
    else if (code === undefined) {
      const width = widthOf(character)
      if (column + width > columns) {
        down()
        column = 0
      }
      for (let at = line().length; at < column; at++) line()[at] = ' '
      line().splice(column, width, character, ...Array<string>(width - 1).fill(''))
      column += width
    } else if (code === 'A') row = Math.max(top, row - count)
    else if (code === 'G') column = count - 1
    else if (code === 'H') [row, column] = [top, 0]
    else if (code === 'K') line().length = args === '2' ? 0 : Math.min(line().length, column)
    else if (code === 'J') {
      line().length = Math.min(line().length, column)
      lines.length = row + 1
    } else if (code === 'l' || code === 'h') cursor = code === 'h'
    else if (code !== 'm') throw new Error(`a code that this terminal does not know: ${JSON.stringify(character)}`)
  }
  return { lines: lines.map((it) => it.join('').trimEnd()), cursor }
}

/** Runs a command on a terminal of that size and gives all that it wrote there. */
export async function onTerminal(
  command: string,
  {
    columns = 80,
    rows = 24,
    environment = {},
  }: { columns?: number; rows?: number; environment?: NodeJS.ProcessEnv } = {},
): Promise<{ readonly exit: number; readonly output: string }> {
  const child = spawn('script', ['-qec', `stty cols ${columns} rows ${rows} -onlcr; ${command}`, '/dev/null'], {
    // Tap wants no colours, and has Node load what says things of its own.
    env: { ...process.env, TERM: 'xterm', NODE_OPTIONS: '', NO_COLOR: '', FORCE_COLOR: '', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [exit]] = await Promise.all([text(child.stdout), once(child, 'close')])
  return { exit, output }
}
