import { copyFile, mkdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Provider } from '../settings.ts'
import type { Run } from '../step.ts'
import { FORMATS, type Packing } from './formats.ts'

const BOX_VAGRANTFILE = fileURLToPath(new URL('Vagrantfile', import.meta.url))

/** Makes the box file `made` for `provider` from a finished disk and `more` files. It works in a folder that it makes. */
export async function pack(
  run: Run,
  provider: Provider,
  packing: Packing,
  more: readonly string[],
  made: string,
): Promise<void> {
  await mkdir(packing.folder)
  const files = await FORMATS[provider](run, packing)
  await copyFile(BOX_VAGRANTFILE, join(packing.folder, 'Vagrantfile'))
  const others = more.flatMap((path) => ['-C', dirname(path), basename(path)])
  await run`tar -C ${packing.folder} -cf ${made} ${[...files, 'Vagrantfile', ...others]}`
  // The box file contains a copy of the image now.
  await rm(packing.folder, { recursive: true })
}
