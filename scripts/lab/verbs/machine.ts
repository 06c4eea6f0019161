import { readFile, statfs } from 'node:fs/promises'
import { type LabError, labError } from '../errors.ts'

/** MiB: memory that five nodes and each further database need, and disk with and without images to build. */
const NEEDED = { memory: 1000, memoryForMore: 100, disk: 1000, diskForImages: 3000 }

/** What the engine's machine has available, in MiB; undefined if it is unknown. */
export type Resources = {
  readonly architecture: string
  readonly memory: number | undefined
  readonly folder: string
  readonly disk: number | undefined
}

/** What the machine is to do; `more`: how many databases there are beside the first two. */
export type Work = { readonly startsAll: boolean; readonly more: number; readonly buildsImages: boolean }

/** Reads what the machine has. `folder` is where the engine keeps its images and data. */
export async function resourcesOf(architecture: string, folder: string): Promise<Resources> {
  // If the engine is in another mount namespace, we cannot see its folder.
  const [disk, memory] = await Promise.all([statfs(folder).catch(() => undefined), readFile('/proc/meminfo', 'utf8')])
  const [, kibibytes] = /MemAvailable:\s+(\d+) kB/.exec(memory) ?? []
  return {
    architecture,
    memory: kibibytes === undefined ? undefined : Math.floor(Number(kibibytes) / 1024),
    folder,
    disk: disk && Math.floor((disk.bavail * disk.bsize) / 2 ** 20),
  }
}

/** Why the machine cannot do the work, or undefined if it can. An unknown figure stops nothing. */
export function shortcoming({ architecture, memory, folder, disk }: Resources, work: Work): LabError | undefined {
  if (!['x86_64', 'aarch64', 'amd64', 'arm64'].includes(architecture)) return labError('ARCHITECTURE', { architecture })
  const memoryNeeded = NEEDED.memory + work.more * NEEDED.memoryForMore
  if (work.startsAll && memory !== undefined && memory < memoryNeeded)
    return labError('MEMORY_LOW', { available: memory, needed: memoryNeeded })
  const needed = work.buildsImages ? NEEDED.diskForImages : NEEDED.disk
  if (disk !== undefined && disk < needed) return labError('DISK_LOW', { available: disk, folder, needed })
  return undefined
}
