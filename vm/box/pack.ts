import { copyFile, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FORMATS, type Packing, type Provider } from './format.ts'
import type { Run } from './step.ts'

const BOX_VAGRANTFILE = fileURLToPath(new URL('Vagrantfile', import.meta.url))

/** Makes the box file `made` for `provider` from a finished disk, in a folder that is not there yet. */
export async function pack(run: Run, provider: Provider, packing: Packing, made: string): Promise<void> {
  await mkdir(packing.folder)
  const files = await FORMATS[provider](run, packing)
  await copyFile(BOX_VAGRANTFILE, join(packing.folder, 'Vagrantfile'))
  await run`tar -C ${packing.folder} -cf ${made} ${[...files, 'Vagrantfile']}`
  // By now the image is in the box file a second time.
  await rm(packing.folder, { recursive: true })
}
