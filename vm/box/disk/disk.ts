import { mkdir } from 'node:fs/promises'
import { retry } from 'zx'
import type { Run } from '../step.ts'
import type { Boot } from './boot.ts'

const MIB = 2 ** 20

/** Makes `disk` a sparse file of `gib` GiB, with what `boot` needs and one ext4 file system. */
export async function makeDisk(run: Run, disk: string, gib: number, boot: Boot): Promise<void> {
  await run`truncate --size ${`${gib}G`} ${disk}`
  await boot.prepare(run, disk)
  // extlinux reads neither 64bit nor metadata_csum. The inode tables are written now: otherwise the kernel writes them in
  // the background of the first boot. They are zeros, so they take no space in the compressed image.
  const features = '^64bit,^metadata_csum,^metadata_csum_seed,^orphan_file,uninit_bg'
  const written = 'lazy_itable_init=0,lazy_journal_init=0,nodiscard'
  const size = `${gib * 1024 - boot.before - boot.after}M`
  await run`mke2fs -q -F -t ext4 -L root -m 1 -O ${features} -E ${`${written},${offsetOf(boot)}`} ${disk} ${size}`
}

/** Mounts the root file system in `disk` at the new folder `root`. */
export async function mountDisk(run: Run, disk: string, root: string, boot: Boot): Promise<void> {
  await mkdir(root)
  await run`mount -o ${`loop,${offsetOf(boot)}`} ${disk} ${root}`
}

/** Unmounts `root`, after everything is written to the file `disk`, and checks that its file system is whole. */
export async function unmountDisk(run: Run, root: string, disk: string, boot: Boot): Promise<void> {
  // Deleted files become holes in the file: otherwise the compressed image would still contain them.
  await run`fstrim ${root}`
  // Another mount namespace, for example that of a second build, may have a copy of this mount. Then the file system stays
  // mounted there, and it is whole on the disk only if it is read-only.
  await run`mount -o remount,ro ${root}`
  await run`sync --file-system ${root}`
  // A program that searches the project's folder (an editor, a backup) may be in there for a moment.
  await retry(60, '500ms', () => run`umount ${root}`)
  await run`e2fsck -f -n ${`${disk}?${offsetOf(boot)}`}`
}

// Where the file system begins in the file, for mke2fs, mount and e2fsck. They get an offset, because some machines have no
// device nodes for partitions of loop devices.
const offsetOf = ({ before }: Boot): string => `offset=${before * MIB}`
