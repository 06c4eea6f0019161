import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { labError } from './errors.ts'
import type { Lab } from './topology.ts'

/** Where a lab keeps what it knows about itself on this machine, for the user who set it up. */
export const stateFolder = (lab: Lab): string => join(baseFolder(), 'failover-lab', lab.name)

function baseFolder(): string {
  const given = process.env['XDG_STATE_HOME']
  if (given !== undefined && given !== '') return given
  try {
    return join(homedir(), '.local', 'state')
  } catch (error) {
    throw unusable('the home folder', error)
  }
}

/** Tries to make a folder: another command may be removing its parent. */
const TRIES = 5

/** Makes the folder of a lab if there is none, for its owner alone. */
export async function makeStateFolder(lab: Lab): Promise<string> {
  const folder = stateFolder(lab)
  for (let left = TRIES; ; left--) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      return folder
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' || left === 0) throw unusable(folder, error)
    }
  }
}

/** The error of a folder that cannot be worked in. */
export const unusable = (folder: string, error: unknown) =>
  labError('STATE_FOLDER', { folder, problem: error instanceof Error ? error.message : String(error) })
