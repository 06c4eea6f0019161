import { isAbsolute, join } from 'node:path'
import { labError } from '../errors.ts'
import type { Lab } from '../topology/topology.ts'
import { homeFolder } from '../user.ts'
import { makePrivateFolder } from './private-files.ts'

/** Where a lab keeps what it knows about itself on this machine, for the user who set it up. */
export const stateFolder = (lab: Lab): string => join(baseFolder(), 'failover-lab', lab.name)

/** A relative XDG_STATE_HOME is ignored, as its standard says. */
function baseFolder(): string {
  const given = process.env['XDG_STATE_HOME']
  if (given && isAbsolute(given)) return given
  const home = homeFolder()
  if (home === undefined) throw unusable('the home folder', 'this user has none')
  return join(home, '.local', 'state')
}

/** Tries to make a folder: another command may be removing its parent. */
const TRIES = 5

/** Makes the folder of a lab if there is none, for its owner alone. */
export async function makeStateFolder(lab: Lab): Promise<string> {
  const folder = stateFolder(lab)
  for (let left = TRIES; ; left--) {
    try {
      await makePrivateFolder(folder)
      return folder
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' || left === 0) throw unusable(folder, error)
    }
  }
}

/** The error for a folder that cannot be used. */
export const unusable = (folder: string, error: unknown) =>
  labError('STATE_FOLDER', { folder, problem: error instanceof Error ? error.message : String(error) })
