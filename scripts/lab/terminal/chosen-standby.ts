import type { Command } from 'commander'

/** Lets a user name a standby, as an argument or with `--to`: each verb that changes the primary takes both forms. */
export const takesStandby = (program: Command, says: string): Command =>
  program.argument('[standby]', says).option('--to <standby>', 'the same, as an option')

/** The standby that was named in one of these forms; undefined if none was. */
export function standbyNamed(program: Command, argument: string | undefined, to: string | undefined) {
  if (argument !== undefined && to !== undefined) program.error('error: the standby is given twice: give it once')
  return argument ?? to
}
