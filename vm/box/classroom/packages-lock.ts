import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Problem } from '../problem.ts'
import type { DescribedImage } from '../system/describe-images.ts'
import type { Installed } from '../system/installed.ts'

/** Where the lock is, relative to this file: in version control, so that everybody builds the same box. */
export const LOCK = fileURLToPath(new URL('packages.lock', import.meta.url))

/** Debian packages of each part of the box: `machine`, or an image's name. */
export type Packages = Readonly<Record<string, Installed>>

/** What a classroom's box is made from: the version of every package, and the one time that all its files have. */
export type Lock = { readonly made: Date; readonly packages: Packages }

const HEAD = `# Every Debian package of the classroom's box, by part. Written by: zx vm/box.ts --classroom --refresh
# Debian's archive offers one version of a package at a time. When it has moved on, a build takes the new ones and says
# what has changed, and that command writes them here.
`

/** The lock as text: sorted, one package on each line, so that the diff of a refresh shows what has changed. */
export function lockText({ made, packages }: Lock): string {
  const lines = Object.entries(packages).flatMap(([part, versions]) =>
    Object.entries(versions).map(([name, version]) => `${part} ${name} ${version}`),
  )
  return `${HEAD}made ${made.toISOString()}\n${lines.sort().join('\n')}\n`
}

/** Reads what `lockText` wrote; for any other line it throws a Problem that names the line. */
export function parseLock(text: string): Lock {
  let made: Date | undefined
  const packages: Record<string, Record<string, string>> = {}
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue
    const [part = '', name = '', version, ...more] = line.split(' ')
    if (part === 'made' && version === undefined) made = new Date(name)
    else if (version === undefined || more.length > 0) throw unreadable(`line ${index + 1} is "${line}"`)
    else packages[part] = { ...packages[part], [name]: version }
  }
  if (made === undefined || Number.isNaN(made.getTime())) throw unreadable('it has no line "made" with a time')
  return { made, packages }
}

const unreadable = (why: string): Problem =>
  new Problem(
    `vm/box/classroom/packages.lock is unusable: ${why}`,
    'restore it from version control, or write a new one: zx vm/box.ts --classroom --refresh',
  )

/** Reads the lock of this project. */
export const readLock = async (): Promise<Lock> =>
  parseLock(
    await readFile(LOCK, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw unreadable(error.code ?? error.message)
    }),
  )

/** Writes the lock of this project. */
export const writeLock = (lock: Lock): Promise<void> => writeFile(LOCK, lockText(lock))

/** The differences between a part of the box and the lock: one phrase for each package. */
export function unlike(locked: Installed = {}, found: Installed = {}): string[] {
  const names = [...new Set([...Object.keys(locked), ...Object.keys(found)])].sort()
  return names
    .filter((name) => locked[name] !== found[name])
    .map((name) => `${name} ${found[name] ?? 'missing'} (locked: ${locked[name] ?? 'none'})`)
}

/** Refuses parts of the box that contain other packages than the lock. */
export function assertLocked(lock: Lock, found: Packages): void {
  const other = changes(lock, found)
  if (other.length === 0) return
  throw new Problem(
    `Debian's archive no longer gives what vm/box/classroom/packages.lock says; ${other.length} differ:\n${listed(other)}`,
    'to take the new versions, leave out --locked (--refresh writes them to the lock); for the locked versions, set ' +
      `LAB_MIRROR to a dated snapshot of the archive, of ${day(lock)}`,
  )
}

/** A text about how the packages in the box differ from the lock; empty if they do not. */
export function changedText(lock: Lock, found: Packages): string {
  const other = changes(lock, found)
  if (other.length === 0) return ''
  return (
    `Since vm/box/classroom/packages.lock was written (${day(lock)}) Debian's archive has changed. The box contains the new packages; ` +
    `${other.length} differ:\n${listed(other)}\nTo write them to the lock: --refresh. To refuse them: --locked.\n\n`
  )
}

const day = ({ made }: Lock): string => made.toISOString().slice(0, 10)

/** The differences between all parts of `found` and the lock, one phrase for each package. */
const changes = ({ packages }: Lock, found: Packages): readonly string[] =>
  Object.entries(found).flatMap(([part, its]) => unlike(packages[part], its).map((line) => `${part}: ${line}`))

const LISTED = 20

const listed = (lines: readonly string[]): string =>
  [...lines.slice(0, LISTED), ...(lines.length > LISTED ? [`and ${lines.length - LISTED} more`] : [])]
    .map((line) => `  ${line}`)
    .join('\n')

/** Packages of each part of the box. */
export const packagesOf = (machine: Installed, images: readonly DescribedImage[]): Packages => ({
  machine,
  ...Object.fromEntries(images.map(({ name, packages }) => [name, packages])),
})
