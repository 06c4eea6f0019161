import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { $ } from 'zx/core'

const PREFIX = '.work-'

/** A folder of this process, which is removed when its block ends. First it removes what killed builds left in `parent`. */
export async function workplace(parent: string): Promise<AsyncDisposable & { readonly path: string }> {
  await mkdir(parent, { recursive: true })
  for (const name of await readdir(parent)) {
    if (name.startsWith(PREFIX) && !isRunning(Number(name.slice(PREFIX.length)))) await remove(join(parent, name))
  }
  const path = join(parent, `${PREFIX}${process.pid}`)
  await mkdir(path)
  return { path, [Symbol.asyncDispose]: () => remove(path) }
}

async function remove(path: string): Promise<void> {
  // Unmount first: otherwise the deletion would go through the mount.
  await unmountBelow(path)
  await rm(path, { recursive: true, force: true })
}

async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter((mount) => mount.startsWith(`${folder}/`))
  // The innermost mount comes first. `--lazy`: a process left by an interrupted installation cannot block it.
  for (const mount of mounts.reverse()) await $({ quiet: true, timeout: '60s' })`umount --lazy ${mount}`
}

function isRunning(pid: number): boolean {
  try {
    return Number.isSafeInteger(pid) && pid > 0 && process.kill(pid, 0)
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
