import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chown, rename, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Problem } from '../problem.ts'
import { type BoxSettings, ownArchitecture } from '../settings.ts'
import { BOOTS } from './boot.ts'
import { carryDependencies } from './dependencies.ts'
import { makeDisk, mountDisk, unmountDisk } from './image.ts'
import { carryImages } from './images.ts'
import type { Order } from './order.ts'
import { pack } from './pack.ts'
import { boxPackages, mmdebstrapArguments } from './recipe.ts'
import type { Steps } from './step.ts'
import { workplace } from './workplace.ts'

const NEEDED_GIB = 5

/** A finished box file. */
export type Box = { readonly path: string; readonly bytes: number; readonly sha256: string }

/**
 * Builds one system and packs it for each of `orders`, whose files are in the same folder and are there afterwards
 * whole or not at all. Needs root.
 */
export async function buildBoxes(
  { step }: Steps,
  settings: BoxSettings,
  orders: readonly [Order, ...Order[]],
): Promise<Box[]> {
  const folder = dirname(orders[0].output)
  await using place = await workplace(folder)
  await checkSpace(folder)
  const disk = join(place.path, 'disk.img')
  const root = join(place.path, 'root')
  const foreign = settings.architecture !== ownArchitecture()
  // Two thirds of all packages come with npm, and installing those for another processor takes most of an hour. The
  // machine itself installs it when it is provisioned.
  const packages = boxPackages(settings.architecture).filter((name) => !foreign || name !== 'npm')
  const boot = BOOTS[settings.architecture]

  await step(`a disk of ${settings.diskGiB} GiB, empty`, 5, async (run) => {
    await makeDisk(run, disk, settings.diskGiB, boot)
    await mountDisk(run, disk, root, boot)
  })
  await step(`Debian ${settings.suite} with ${packages.length} packages asked for (mmdebstrap)`, 90, async (run) => {
    // TMPDIR: what it keeps for itself goes when the folder goes, however it ends.
    await run`env TMPDIR=${place.path} mmdebstrap ${mmdebstrapArguments(settings, root, packages)}`
  })
  // Both need programs of the box's own processor to run here as they would there.
  if (!foreign) {
    await step('node_modules as package-lock.json pins them', 10, (run) => carryDependencies(run, root))
    await step("the lab's images, built in there", 30, (run) => carryImages(run, root))
  }
  await step('boot loader', 5, async (run) => {
    await boot.install(run, disk, root)
    await unmountDisk(run, root)
  })

  const boxes: Box[] = []
  for (const { provider, output } of orders) {
    const made = join(place.path, `${provider}.box`)
    await step(`box file for ${provider} (qemu-img, tar)`, 40, (run) =>
      pack(run, provider, { disk, folder: join(place.path, provider), settings }, made),
    )
    boxes.push({ path: output, bytes: (await stat(made)).size, sha256: await sha256(made) })
    await giveToCaller(made)
    await giveToCaller(folder)
    await rename(made, output)
  }
  return boxes
}

async function checkSpace(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = (bavail * bsize) / 2 ** 30
  if (free >= NEEDED_GIB) return
  throw new Problem(
    `${free.toFixed(1)} GiB are free in ${folder}, building the box takes ${NEEDED_GIB}`,
    'free some space, or write it elsewhere: --output /somewhere/else.box',
  )
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece)
  return hash.digest('hex')
}

// Built with sudo, the file still belongs to the person who asked for it.
async function giveToCaller(path: string): Promise<void> {
  const [uid, gid] = [Number(process.env['SUDO_UID']), Number(process.env['SUDO_GID'])]
  if (uid > 0 && gid >= 0) await chown(path, uid, gid)
}
