import { chown, mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Makes a folder that only its owner may read, and missing folders above it. Under sudo root works for somebody else, so it
 * gives them to the owner of the folder that they are in.
 */
export async function makePrivateFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined || !isRoot()) return
  const { uid, gid } = await stat(dirname(first))
  for (let made = resolve(folder); made !== dirname(resolve(first)); made = dirname(made)) await chown(made, uid, gid)
}

/** Whether this process may change the owner of a file. */
export const isRoot = (): boolean => process.getuid?.() === 0
