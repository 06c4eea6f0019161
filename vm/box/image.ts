import { mkdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Boot } from './boot.ts'
import type { Run } from './step.ts'

const MIB = 2 ** 20

/** Makes `disk` a sparse file of `gib` GiB, with what `boot` needs of it and one ext4 file system. */
export async function makeDisk(run: Run, disk: string, gib: number, boot: Boot): Promise<void> {
  await run`truncate --size ${`${gib}G`} ${disk}`
  await boot.prepare(run, disk)
  // extlinux reads neither 64bit nor metadata_csum. The inode tables are written now, as zeros that the compressed
  // image does not hold: otherwise the kernel writes them in the background of the first boot.
  const features = '^64bit,^metadata_csum,^metadata_csum_seed,^orphan_file,uninit_bg'
  const written = `lazy_itable_init=0,lazy_journal_init=0,nodiscard,offset=${boot.before * MIB}`
  const size = `${gib * 1024 - boot.before - boot.after}M`
  await run`mke2fs -q -F -t ext4 -L root -m 1 -O ${features} -E ${written} ${disk} ${size}`
}

/** Mounts the root file system in `disk` at the new folder `root`. */
export async function mountDisk(run: Run, disk: string, root: string, boot: Boot): Promise<void> {
  await mkdir(root)
  // By its place in the file: device nodes for partitions of loop devices are missing on some machines.
  await run`mount -o ${`loop,offset=${boot.before * MIB}`} ${disk} ${root}`
}

/** Unmounts `root` with everything written to the disk's file. */
export async function unmountDisk(run: Run, root: string): Promise<void> {
  // Deleted files become holes in the disk's file, or the compressed image would hold what was in them.
  await run`fstrim ${root}`
  // Another build on this host may hold a copy of this mount for as long as it lasts, and with it what is not written.
  await run`mount -o remount,ro ${root}`
  // Whoever searches through the project's folder (an editor, a backup) is in there for a moment.
  for (let tries = 1; ; tries++) {
    try {
      await run`umount ${root}`
      return
    } catch (error) {
      if (tries === 60) throw error
      await sleep(500)
    }
  }
}
