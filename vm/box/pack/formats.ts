import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BoxSettings, Provider } from '../settings.ts'
import type { Run } from '../step.ts'
import { ovf } from './ovf.ts'
import { readVmdk } from './vmdk.ts'

/** A disk that was built, and the empty folder in which it becomes the files of a box. */
export type Packing = {
  readonly disk: string
  readonly folder: string
  readonly settings: BoxSettings
}

/** One provider's kind of box: writes its files into the folder, all but the Vagrantfile, and gives their names. */
type Format = (run: Run, packing: Packing) => Promise<readonly string[]>

/** The box of each provider. */
export const FORMATS: Readonly<Record<Provider, Format>> = { libvirt, virtualbox }

/** The box that vagrant-libvirt and vagrant-qemu take: a compressed qcow2 image. */
async function libvirt(run: Run, { disk, folder, settings }: Packing): Promise<readonly string[]> {
  const image = join(folder, 'box.img')
  await run`qemu-img convert -f raw -O qcow2 -c -W -m 4 -o compression_type=zstd ${disk} ${image}`
  await writeFile(join(folder, 'metadata.json'), `${JSON.stringify(metadata(settings), null, 2)}\n`)
  return ['metadata.json', 'box.img']
}

/** metadata.json of a libvirt box. */
export function metadata({ diskGiB, architecture }: BoxSettings): Record<string, string | number> {
  return { provider: 'libvirt', format: 'qcow2', virtual_size: diskGiB, architecture }
}

const VMDK = 'box-disk001.vmdk'

/** The box that VirtualBox imports, made without it: a description of the machine and a streamOptimized disk. */
async function virtualbox(run: Run, { disk, folder, settings }: Packing): Promise<readonly string[]> {
  const image = join(folder, VMDK)
  // One thread, and no -W: VirtualBox reads the pieces one after the other and never goes back.
  await run`qemu-img convert -f raw -O vmdk -o subformat=streamOptimized,adapter_type=lsilogic ${disk} ${image}`
  // VirtualBox reads on until an end-of-stream marker, a sector of zeros, which qemu-img does not write on purpose.
  await run`truncate --size +512 ${image}`
  const { capacity } = await readVmdk(image)
  const { size } = await stat(image)
  const name = settings.box.replaceAll('/', '-')
  const { cpus, memoryMiB } = settings
  await writeFile(join(folder, 'box.ovf'), ovf({ name, cpus, memoryMiB, disk: { file: VMDK, size, capacity } }))
  await writeFile(join(folder, 'metadata.json'), `${JSON.stringify({ provider: 'virtualbox' })}\n`)
  return ['metadata.json', 'box.ovf', VMDK]
}
