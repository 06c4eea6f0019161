import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chown, rename, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BoxInfo, describeBox } from './classroom/describe.ts'
import { MEMBERS, packProject } from './classroom/members.ts'
import {
  assertLocked,
  changedText,
  LOCK,
  type Lock,
  packagesOf,
  readLock,
  writeLock,
} from './classroom/packages-lock.ts'
import { BOOTS } from './disk/boot.ts'
import { makeDisk, mountDisk, unmountDisk } from './disk/disk.ts'
import { fromMirror } from './from-mirror.ts'
import type { Order } from './order.ts'
import { pack } from './pack/pack.ts'
import { Problem } from './problem.ts'
import { type BoxSettings, ownArchitecture } from './settings.ts'
import type { Steps } from './step.ts'
import { carryDependencies } from './system/dependencies.ts'
import type { DescribedImage } from './system/describe-images.ts'
import { carryImages } from './system/images.ts'
import { type Installed, machinePackages } from './system/installed.ts'
import { boxPackages, mmdebstrapArguments } from './system/recipe.ts'
import { workplace } from './workplace.ts'

const TIDY = fileURLToPath(new URL('system/tidy.sh', import.meta.url))

/** A finished box file. */
export type Box = {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  /** What is in it; of a classroom's box only. */
  readonly info: BoxInfo | undefined
}

/**
 * How a box for a classroom is built. `newest` takes the packages of the archive, and says what differs from the lock.
 * `locked` refuses if something differs. `refresh` writes a new lock.
 */
export type Classroom = 'newest' | 'locked' | 'refresh'

/** Finished boxes, and a text about how they differ from the lock; empty if they do not. */
export type Built = { readonly boxes: readonly Box[]; readonly changed: string }

/**
 * Builds one system and packs it for each of `orders`. Their files are in the same folder, and each is written whole or not
 * at all. Needs root.
 */
export async function buildBoxes(
  { step }: Steps,
  settings: BoxSettings,
  orders: readonly [Order, ...Order[]],
  classroom?: Classroom,
): Promise<Built> {
  const folder = dirname(orders[0].output)
  await using place = await workplace(folder)
  await checkSpace(folder, settings.buildGiB)
  const disk = join(place.path, 'disk.img')
  const root = join(place.path, 'root')
  const boot = BOOTS[settings.architecture]
  const foreign = settings.architecture !== ownArchitecture()
  // npm brings two thirds of all packages, and installing them for another processor takes most of an hour. The
  // machine itself installs it when it is provisioned.
  const asked = boxPackages(settings.architecture).filter((name) => !foreign || name !== 'npm')
  const last = classroom === undefined || classroom === 'refresh' ? undefined : await readLock()
  const locked = classroom === 'locked' ? last : undefined
  const made = last?.made ?? thisSecond()
  let machine: Installed = {}
  let images: readonly DescribedImage[] = []
  let info: BoxInfo | undefined

  await step(`a disk of ${settings.diskGiB} GiB, empty`, 5, async (run) => {
    await makeDisk(run, disk, settings.diskGiB, boot)
    await mountDisk(run, disk, root, boot)
  })
  await step(`Debian ${settings.suite} with ${asked.length} packages asked for (mmdebstrap)`, 90, async (run) => {
    // With this TMPDIR mmdebstrap's own files are in our folder, so they are removed with it, however mmdebstrap ends.
    const environment = [`TMPDIR=${place.path}`, `SOURCE_DATE_EPOCH=${made.getTime() / 1000}`]
    await fromMirror(settings.mirror, async (proxies) => {
      await run`env ${[...environment, ...proxies]} mmdebstrap ${mmdebstrapArguments(settings, root, asked)}`
    })
    machine = await machinePackages(run, root)
    if (locked) assertLocked(locked, { machine })
  })
  // Both run programs of the box here, so this host must have the same processor.
  if (!foreign) {
    await step('node_modules as package-lock.json pins them', 10, (run) => carryDependencies(run, root))
    await step("the lab's images, built in there", 30, async (run) => {
      images = await carryImages(run, root)
      if (locked) assertLocked(locked, packagesOf(machine, images))
    })
  }
  await step(`boot loader (${boot.loader})`, 5, (run) => boot.install(run, disk, root))
  await step('no logs, no caches, one time', 10, async (run) => {
    await run`sh ${TIDY} ${root} ${made.toISOString()}`
  })
  const lock: Lock = { made, packages: packagesOf(machine, images) }
  if (classroom) {
    await step('what is in it', 10, async (run) => {
      info = await describeBox(run, { root, folder: place.path, settings, lock, images })
      await packProject(run, join(place.path, MEMBERS.project), made)
    })
  }
  await step('whole on the disk (e2fsck)', 10, (run) => unmountDisk(run, root, disk, boot))

  const boxes: Box[] = []
  const described = classroom ? Object.values(MEMBERS).map((name) => join(place.path, name)) : []
  for (const { provider, output } of orders) {
    const finished = join(place.path, `${provider}.box`)
    await step(`box file for ${provider} (qemu-img, tar)`, 40, (run) =>
      pack(run, provider, { disk, folder: join(place.path, provider), settings }, described, finished),
    )
    boxes.push({ path: output, bytes: (await stat(finished)).size, sha256: await sha256(finished), info })
    await giveToCaller(finished)
    await giveToCaller(folder)
    await rename(finished, output)
  }
  // Only now: a build that failed changes no lock.
  if (classroom === 'refresh') await writeLock(lock).then(() => giveToCaller(LOCK))
  return { boxes, changed: last ? changedText(last, lock.packages) : '' }
}

// Times of files are kept in whole seconds.
const thisSecond = (): Date => new Date(Math.floor(Date.now() / 1000) * 1000)

async function checkSpace(folder: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = (bavail * bsize) / 2 ** 30
  if (free >= needed) return
  throw new Problem(
    `${free.toFixed(1)} GiB are free in ${folder}, building the box takes ${needed}`,
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
