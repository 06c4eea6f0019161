import { existsSync } from 'node:fs'
import { installLine, missingForBox } from '../host-packages.ts'
import { Problem } from '../problem.ts'
import { type Architecture, ownArchitecture } from '../settings.ts'

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
