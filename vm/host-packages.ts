import { accessSync, constants, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Architecture } from './settings.ts'

const FILE = new URL('host-packages.txt', import.meta.url)

/** One line of vm/host-packages.txt. */
export type HostPackage = {
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
  packages: readonly HostPackage[] = parseHostPackages(readFileSync(FILE, 'utf8')),
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
