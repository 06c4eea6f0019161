import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { Problem } from '../../problem.ts'
import { type Manifest, parseManifest } from './manifest.ts'

/** Names of the files that a classroom's box contains besides Vagrant's own files. */
export const MEMBERS = {
  /** What is in it, in short; `vagrant box list -i` shows it. */
  info: 'info.json',
  /** Every file in it, and its digest. */
  manifest: 'manifest.gz',
  /** The project that it was built from, for a machine that has none. */
  project: 'project.tar',
} as const

/** Reads the manifest out of a box file. */
export async function manifestIn(box: string): Promise<Manifest> {
  const { stdout } = await promisify(execFile)('tar', ['-xOf', box, MEMBERS.manifest], {
    encoding: 'buffer',
    maxBuffer: 2 ** 28,
  }).catch((error: { stderr?: Buffer }) => {
    throw new Problem(
      `${box} has no ${MEMBERS.manifest}: ${String(error.stderr ?? error).trim()}`,
      'give two boxes that zx vm/box.ts --classroom has built',
    )
  })
  return parseManifest(gunzipSync(stdout).toString())
}
