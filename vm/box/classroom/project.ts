import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Run } from '../step.ts'

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url))

/** Packs this project as `file`, in a folder failover-lab, without what Git ignores: the same files, the same bytes. */
export async function packProject(run: Run, file: string, made: Date): Promise<void> {
  const same = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', `--mtime=${made.toISOString()}`]
  const ignored = (await readFile(join(PROJECT, '.gitignore'), 'utf8')).split('\n').filter((line) => line !== '')
  const without = ['.git', ...ignored].map((pattern) => `--exclude=${pattern.replace(/\/$/, '')}`)
  await run`tar -C ${PROJECT} ${same} ${without} --transform ${'s,^\\.,failover-lab,'} -cf ${file} .`
}
