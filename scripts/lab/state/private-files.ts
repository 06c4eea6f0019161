import { chown, lstat, mkdir, open, readlink, rename, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Replaces a file in one step; at no time can anyone but its owner read it. A link stays a link: the file that it points to
 * is replaced. Under sudo the file keeps its owner; a new file gets the owner of its folder.
 */
export async function writePrivately(file: string, text: string): Promise<void> {
  const target = await linked(file)
  await makePrivateFolder(dirname(target))
  const draft = `${target}.${process.pid}`
  const handle = await open(draft, 'w', 0o600)
  try {
    if (isRoot()) {
      const { uid, gid } = await stat(target).catch(() => stat(dirname(target)))
      await handle.chown(uid, gid)
    }
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, target)
}

/** The path at the end of all links, also if nothing is there yet. */
async function linked(file: string, hops = 0): Promise<string> {
  const isLink = await lstat(file).then(
    (it) => it.isSymbolicLink(),
    () => false,
  )
  // More links than this are a circle: then writing fails.
  return isLink && hops < 40 ? linked(resolve(dirname(file), await readlink(file)), hops + 1) : file
}

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
