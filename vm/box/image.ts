import { copyFile, mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { retry } from 'zx'
import type { Run } from './step.ts'

const EXTLINUX_CONF = fileURLToPath(new URL('extlinux.conf', import.meta.url))

/** Makes `disk` a sparse file of `gib` GiB that holds one ext4 file system and no partition table. */
export async function makeDisk(run: Run, disk: string, gib: number): Promise<void> {
  await run`truncate --size ${`${gib}G`} ${disk}`
  // extlinux reads neither 64bit nor metadata_csum. The inode tables are written now, as zeros that the compressed
  // image does not hold: otherwise the kernel writes them in the background of the first boot.
  const features = '^64bit,^metadata_csum,^metadata_csum_seed,^orphan_file,uninit_bg'
  const written = 'lazy_itable_init=0,lazy_journal_init=0,nodiscard'
  await run`mke2fs -q -F -t ext4 -L root -m 1 -O ${features} -E ${written} ${disk}`
}

/** Mounts `disk` at the new folder `root`. */
export async function mountDisk(run: Run, disk: string, root: string): Promise<void> {
  await mkdir(root)
  await run`mount -o loop ${disk} ${root}`
}

/** Makes the file system at `root` boot: extlinux in its own boot sector. */
export async function installBootLoader(run: Run, root: string): Promise<void> {
  const folder = `${root}/boot/extlinux`
  await mkdir(folder, { recursive: true })
  await copyFile(EXTLINUX_CONF, `${folder}/extlinux.conf`)
  await run`extlinux --install ${folder}`
}

/** Unmounts `root` with everything written to the disk's file `disk`, and proves that its file system is whole. */
export async function unmountDisk(run: Run, root: string, disk: string): Promise<void> {
  // Deleted files become holes in the disk's file, or the compressed image would hold what was in them.
  await run`fstrim ${root}`
  // Another mount namespace, a second build's for example, may have a copy of this mount: then unmounting it here ends
  // nothing, and only what is read-only is whole on the disk.
  await run`mount -o remount,ro ${root}`
  await run`sync --file-system ${root}`
  // Whoever searches through the project's folder (an editor, a backup) is in there for a moment.
  await retry(60, '500ms', () => run`umount ${root}`)
  await run`e2fsck -f -n ${disk}`
}
