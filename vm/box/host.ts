import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from './problem.ts'
import { type Architecture, ownArchitecture } from './settings.ts'

const PACKAGES = new URL('../host-packages.txt', import.meta.url)
const FOREIGN = '/proc/sys/fs/binfmt_misc/qemu-aarch64'

/** Throws at what this host lacks for building a box of `architecture`. */
export function checkHost(architecture: Architecture): void {
  if (process.platform !== 'linux') {
    throw new Problem(
      `a box is built on Linux; this is ${process.platform}`,
      'build it there and copy the file to vm/build here',
    )
  }
  const own = ownArchitecture()
  if (architecture === 'amd64' && own !== 'amd64') {
    throw new Problem(
      `a box for amd64 is built on amd64, the only one with its boot loader; this is ${own}`,
      'build it there and copy the file to vm/build here, or build one for this processor: --architecture arm64',
    )
  }
  const missing = missingForBox(architecture)
  if (missing.length > 0) throw new Problem(`building the box needs ${missing.join(', ')}`, installLine(missing))
  if (architecture === own || existsSync(FOREIGN)) return
  throw new Problem(
    `this host does not run programs of ${architecture} (there is no ${FOREIGN})`,
    installLine(['qemu-user-static']),
  )
}

/** One line of vm/host-packages.txt. */
type HostPackage = {
  readonly name: string
  readonly use: string
  readonly processor: string
  readonly proof: string | undefined
}

/** The packages that a host needs for the VM, from the text of vm/host-packages.txt. */
export function parseHostPackages(text: string): HostPackage[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map((line) => line.split(/\s+/))
    .map(([name = '', use = '', processor = '', proof]) => ({ name, use, processor, proof }))
}

/** Packages that building a box for `architecture` needs and whose command or file is not there. */
export function missingForBox(
  architecture: Architecture,
  packages: readonly HostPackage[] = parseHostPackages(readFileSync(PACKAGES, 'utf8')),
  has: (proof: string) => boolean = isThere,
): string[] {
  return packages
    .filter(({ use, processor }) => use === 'box' && ['any', architecture].includes(processor))
    .filter(({ proof }) => proof !== undefined && !has(proof))
    .map(({ name }) => name)
}

/** The line that installs `packages` on Debian and Ubuntu. */
export const installLine = (packages: readonly string[]): string =>
  `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`

function isThere(proof: string): boolean {
  // It looks into sbin too: root does the work and has sbin in its PATH, but a user's PATH often lacks it.
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  const [places, mode] = proof.startsWith('/')
    ? [[proof], constants.R_OK]
    : [folders.map((folder) => join(folder, proof)), constants.X_OK]
  return places.some((place) => {
    try {
      accessSync(place, mode)
      return true
    } catch {
      return false
    }
  })
}
