import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Run } from '../step.ts'
import type { Packing } from './format.ts'
import { ovf } from './ovf.ts'
import { readVmdk } from './vmdk.ts'

const DISK = 'box-disk001.vmdk'

/** The box that VirtualBox imports, made without it: a description of the machine and a streamOptimized disk. */
export async function virtualbox(run: Run, { disk, folder, settings }: Packing): Promise<readonly string[]> {
  const image = join(folder, DISK)
  // One thread, and no -W: VirtualBox reads the pieces one after the other and never goes back.
  await run`qemu-img convert -f raw -O vmdk -o subformat=streamOptimized,adapter_type=lsilogic ${disk} ${image}`
  // VirtualBox reads on until an end-of-stream marker, a sector of zeros, which qemu-img does not write on purpose.
  await run`truncate --size +512 ${image}`
  const { capacity } = await readVmdk(image)
  const { size } = await stat(image)
  const name = settings.box.replaceAll('/', '-')
  const { cpus, memoryMiB } = settings
  await writeFile(join(folder, 'box.ovf'), ovf({ name, cpus, memoryMiB, disk: { file: DISK, size, capacity } }))
  await writeFile(join(folder, 'metadata.json'), `${JSON.stringify({ provider: 'virtualbox' })}\n`)
  return ['metadata.json', 'box.ovf', DISK]
}
