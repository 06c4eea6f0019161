/** One word of a command as a shell reads it, or an option and its value. */
const PART = /(?:-[\w-]+ (?!-))?(?:'[^']*'|\\.|[^\s'\\])+/gs

/**
 * A command on lines of at most so many columns, if its words are short enough. A shell reads the same command from them: all
 * lines but the last end with a backslash.
 */
export function folded(command: string, columns: number): string {
  const parts = command.match(PART) ?? []
  // With quotes that this does not understand, it stays as it is.
  if (command.length <= columns || parts.join(' ') !== command) return command
  const lines: string[] = []
  for (const part of parts) {
    const longer = `${lines.at(-1)} ${part}`
    if (lines.length > 0 && longer.length + ' \\'.length <= columns) lines[lines.length - 1] = longer
    else lines.push(lines.length === 0 ? part : `    ${part}`)
  }
  return lines.join(' \\\n')
}
