import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab } from '../topology/topology.ts'
import { stateFolder } from './folder.ts'
import { writePrivately } from './private-files.ts'

/** Why votes were kept: only an old primary had them, or a restore took the lab back to before them. */
type Why = 'diverged-votes' | 'votes-before-restore'

const LIST = /^(diverged-votes|votes-before-restore)-.*\.json$/

/** Writes votes that the lab loses to a file, so that they survive a crash of this command. Gives its path. */
export async function keepVotes(lab: Lab, why: Why, votes: readonly object[]): Promise<string> {
  const file = join(stateFolder(lab), `${why}-${new Date().toISOString().replaceAll(':', '-')}.json`)
  await writePrivately(file, `${JSON.stringify(votes, null, 2)}\n`)
  return file
}

/** Whether a file of the state folder is such a list: nobody but its owner deletes it. */
export const isKept = (name: string): boolean => LIST.test(name)

/** The paths of all such lists, or of those that were kept for that reason, the oldest first. */
export async function keptVotes(lab: Lab, why: Why | '' = ''): Promise<readonly string[]> {
  const folder = stateFolder(lab)
  const names = await readdir(folder).catch(() => [])
  const kept = names.filter((name) => isKept(name) && name.startsWith(why))
  return kept.sort().map((name) => join(folder, name))
}
