import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { BoxSettings } from '../settings.ts'
import type { DescribedImage } from './describe-images.ts'
import { listFiles, type Manifest, manifestText } from './manifest.ts'
import { MEMBERS } from './members.ts'
import { assertLocked, DPKG_FORMAT, type Lock, type Packages, parsePackages } from './packages-lock.ts'
import type { Run } from './step.ts'

/** What is in a box, in short: printed, shown by `vagrant box list -i`, and in the box as INFO_IN_BOX. */
export type BoxInfo = Readonly<Record<string, string | number>>

/** Where a machine made from the box finds what it was made of. */
const INFO_IN_BOX = 'etc/failover-lab-box.json'

/** Packages of the box's own system. */
export async function machinePackages(run: Run, root: string): Promise<Packages[string]> {
  return parsePackages((await run`dpkg-query --admindir ${root}/var/lib/dpkg -W -f ${DPKG_FORMAT}`).stdout)
}

/** Packages of each part of the box. */
export const packagesOf = (machine: Packages[string], images: readonly DescribedImage[]): Packages => ({
  machine,
  ...Object.fromEntries(images.map(({ name, packages }) => [name, packages])),
})

/** Refuses images that hold other packages than the lock says. */
export function assertImagesLocked(lock: Lock, images: readonly DescribedImage[]): void {
  for (const { name, packages } of images) assertLocked(lock, name, packages)
}

/** What keeps its own time: layers of the engine, whose digests hold it, and a file that extlinux makes immutable. */
const OWN_TIME = ['var/lib/docker', 'var/lib/containerd', 'boot/extlinux/ldlinux.sys']

/** Gives every other file that building has written one time. */
export async function oneTime(run: Run, root: string, made: Date): Promise<void> {
  const without = OWN_TIME.flatMap((path) => ['-path', `${root}/${path}`, '-prune', '-o'])
  const time = made.toISOString()
  await run`find ${root} -xdev ${without} -newermt ${time} -exec touch --no-dereference --date ${time} {} +`
}

/** Describes the finished box, in it and in `folder`, from where it goes into the box file. */
export async function describeBox(run: Run, { root, folder, settings, lock, images }: Made): Promise<BoxInfo> {
  const manifest = await listFiles(run, root, images)
  const info = infoOf(settings, lock, manifest, images)
  const text = `${JSON.stringify(info, null, 2)}\n`
  await writeFile(join(root, INFO_IN_BOX), text)
  await writeFile(join(folder, MEMBERS.info), text)
  await writeFile(join(folder, MEMBERS.manifest), await promisify(gzip)(manifestText(manifest), { level: 9 }))
  return info
}

type Made = {
  readonly root: string
  readonly folder: string
  readonly settings: BoxSettings
  readonly lock: Lock
  readonly images: readonly DescribedImage[]
}

function infoOf(
  { box, suite }: BoxSettings,
  { made, packages }: Lock,
  manifest: Manifest,
  images: Made['images'],
): BoxInfo {
  const machine = packages['machine'] ?? {}
  const kernel = Object.keys(machine).find((name) => /^linux-image-\d/.test(name))
  const postgres = Object.entries(packages['postgres'] ?? {}).find(([name]) => /^postgresql-\d+$/.test(name))
  return {
    box,
    made: made.toISOString(),
    debian: suite,
    kernel: machine[kernel ?? ''] ?? 'unknown',
    docker: machine['docker.io'] ?? 'unknown',
    node: process.versions.node,
    postgresql: postgres?.[1] ?? 'unknown',
    nginx: packages['loader']?.['nginx'] ?? 'unknown',
    images: images.map(({ tag }) => tag).join(' '),
    packages: Object.keys(machine).length,
    files: manifest.size,
  }
}
