import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { Problem } from '../problem.ts'
import type { Run } from '../step.ts'
import { type Manifest, parseManifest } from './manifest.ts'

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url))

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

/** Packs this project as `file`, in a folder failover-lab, without what Git ignores: the same files, the same bytes. */
export async function packProject(run: Run, file: string, made: Date): Promise<void> {
  const same = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', `--mtime=${made.toISOString()}`]
  const ignored = (await readFile(join(PROJECT, '.gitignore'), 'utf8')).split('\n').filter((line) => line !== '')
  const without = ['.git', ...ignored].map((pattern) => `--exclude=${pattern.replace(/\/$/, '')}`)
  await run`tar -C ${PROJECT} ${same} ${without} --transform ${'s,^\\.,failover-lab,'} -cf ${file} .`
}
