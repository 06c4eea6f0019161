import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Architecture } from '../settings.ts'
import type { Run } from '../step.ts'

const MIB = 2 ** 20
const EXTLINUX_CONF = fileURLToPath(new URL('extlinux.conf', import.meta.url))
const GRUB_CFG = fileURLToPath(new URL('grub.cfg', import.meta.url))

/** How a machine comes from its firmware to the kernel. */
export type Boot = {
  /** The program that does it. */
  readonly loader: string
  /** MiB of the disk before and after the root file system, for what the firmware reads. */
  readonly before: number
  readonly after: number
  /** Packages in the box that it takes. */
  readonly packages: readonly string[]
  /** Prepares an empty disk of which the root file system will be a part. */
  readonly prepare: (run: Run, disk: string) => Promise<void>
  /** Makes `disk` bootable; its root file system is mounted at `root`. */
  readonly install: (run: Run, disk: string, root: string) => Promise<void>
}

/** amd64: the BIOS starts extlinux from the first sector, which belongs to the file system: there are no partitions. */
const bios: Boot = {
  loader: 'extlinux',
  before: 0,
  after: 0,
  packages: [],
  prepare: async () => {},
  async install(run, _disk, root) {
    const folder = `${root}/boot/extlinux`
    await mkdir(folder, { recursive: true })
    await copyFile(EXTLINUX_CONF, `${folder}/extlinux.conf`)
    await run`extlinux --install ${folder}`
  },
}

/** The partition that the firmware reads: where it begins, and its size, in MiB. */
const [ESP_AT, ESP_SIZE] = [1, 64]

const FIND_ROOT = 'search --no-floppy --label root --set root\nset prefix=($root)/boot/grub\n'
const MODULES = ['part_gpt', 'ext2', 'search', 'search_label', 'normal', 'configfile', 'linux']

/** arm64: the UEFI starts GRUB from a small partition of its own; GRUB finds the kernel in the root file system. */
const efi: Boot = {
  loader: 'GRUB',
  before: ESP_AT + ESP_SIZE,
  // The second copy of the partition table.
  after: 1,
  packages: ['grub-efi-arm64-bin'],
  async prepare(run, disk) {
    const table = `label: gpt\nstart=${ESP_AT}MiB, size=${ESP_SIZE}MiB, type=uefi\nstart=${ESP_AT + ESP_SIZE}MiB, type=linux\n`
    await run`sh -c ${'printf %s "$1" | sfdisk --quiet "$2"'} - ${table} ${disk}`
    // One sector in each cluster: mkfs would choose more, by the size of the whole disk, and FAT32 would have too few clusters.
    await run`mkfs.vfat -F 32 -s 1 --offset ${String((ESP_AT * MIB) / 512)} ${disk} ${String(ESP_SIZE * 1024)}`
  },
  async install(run, disk, root) {
    await mkdir(`${root}/boot/grub`, { recursive: true })
    await copyFile(GRUB_CFG, `${root}/boot/grub/grub.cfg`)
    const [early, made] = ['/boot/grub/early.cfg', '/boot/grub/BOOTAA64.EFI']
    await writeFile(`${root}${early}`, FIND_ROOT)
    await run`chroot ${root} grub-mkimage -O arm64-efi -p /boot/grub -c ${early} -o ${made} ${MODULES}`
    // mtools writes into the file system without mounting it: not every kernel knows FAT. By default a UEFI looks for this
    // folder and this name.
    const esp = `${disk}@@${ESP_AT}M`
    await run`mmd -i ${esp} ::/EFI ::/EFI/BOOT`
    await run`mcopy -i ${esp} ${`${root}${made}`} ::/EFI/BOOT/`
  },
}

/** How each processor's machines boot. */
export const BOOTS: Readonly<Record<Architecture, Boot>> = { amd64: bios, arm64: efi }
