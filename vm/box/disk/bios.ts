import { copyFile, mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Boot } from './boot.ts'

const EXTLINUX_CONF = fileURLToPath(new URL('extlinux.conf', import.meta.url))

/** amd64: the BIOS starts extlinux from the first sector, which belongs to the file system: there are no partitions. */
export const bios: Boot = {
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
