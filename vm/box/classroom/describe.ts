import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { BoxSettings } from '../settings.ts'
import type { Run } from '../step.ts'
import type { DescribedImage } from '../system/describe-images.ts'
import { listFiles, type Manifest, manifestText } from './manifest.ts'
import { MEMBERS } from './members.ts'
import type { Lock } from './packages-lock.ts'

/** What is in a box, in short: printed, shown by `vagrant box list -i`, and in the box as INFO_IN_BOX. */
export type BoxInfo = Readonly<Record<string, string | number>>

/** Where a machine made from the box finds what it was made of. */
const INFO_IN_BOX = 'etc/failover-lab-box.json'

/** Writes the description of the finished box into the box and into `folder`; from there it goes into the box file. */
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
