import { userInfo } from 'node:os'
import { isAbsolute } from 'node:path'

/** The user's home folder: HOME, else what the system knows; undefined if neither names one. */
export function homeFolder(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const home = environment['HOME'] || known()?.homedir
  return home && isAbsolute(home) ? home : undefined
}

/** The user's name. If the system does not know the user (`docker run --user 12345`): what the shell says, or the number. */
export const userName = (environment: NodeJS.ProcessEnv = process.env): string =>
  known()?.username || environment['USER'] || `user-${process.getuid?.()}`

function known() {
  try {
    return userInfo()
  } catch {
    return undefined
  }
}
