import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BoxSettings } from '../../settings.ts'
import type { Run } from '../step.ts'
import type { Packing } from './format.ts'

/** The box that vagrant-libvirt and vagrant-qemu take: a compressed qcow2 image. */
export async function libvirt(run: Run, { disk, folder, settings }: Packing): Promise<readonly string[]> {
  const image = join(folder, 'box.img')
  await run`qemu-img convert -f raw -O qcow2 -c -W -m 4 -o compression_type=zstd ${disk} ${image}`
  await writeFile(join(folder, 'metadata.json'), `${JSON.stringify(metadata(settings), null, 2)}\n`)
  return ['metadata.json', 'box.img']
}

/** metadata.json of a libvirt box. */
export function metadata({ diskGiB, architecture }: BoxSettings): Record<string, string | number> {
  return { provider: 'libvirt', format: 'qcow2', virtual_size: diskGiB, architecture }
}
