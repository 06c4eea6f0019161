import { chown, mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Makes a folder, and those above it, that only its owner may read. Root, who works for somebody else under sudo, gives
 * them to the owner of the folder that they are in.
 */
export async function makePrivateFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined || !isRoot()) return
  const { uid, gid } = await stat(dirname(first))
  for (let made = resolve(folder); made !== dirname(resolve(first)); made = dirname(made)) await chown(made, uid, gid)
}

/** Whether we may give a file to somebody else. */
export const isRoot = (): boolean => process.getuid?.() === 0
