import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Problem } from '../problem.ts'
import type { Run } from '../step.ts'

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url))
const IN_BOX = '/opt/failover-lab'

type Lockfile = { readonly packages: Readonly<Record<string, { readonly version?: string; readonly optional?: true }>> }

/**
 * Copies this project's node_modules into the box. vm/guest/up.sh uses it as long as package-lock.json is the same: npm
 * itself needs five minutes under emulation. The program that runs here comes from that folder, so the folder exists, and
 * it is made for this platform.
 */
export async function carryDependencies(run: Run, root: string): Promise<void> {
  const lock = await readFile(join(PROJECT, 'package-lock.json'), 'utf8')
  const installed = await readFile(join(PROJECT, 'node_modules/.package-lock.json'), 'utf8')
  const other = differences(JSON.parse(lock), JSON.parse(installed))
  if (other.length > 0) {
    throw new Problem(`node_modules is not what package-lock.json says (${other.slice(0, 3).join(', ')})`, 'npm ci')
  }
  await mkdir(join(root, IN_BOX))
  await run`cp -a ${join(PROJECT, 'node_modules')} ${join(root, IN_BOX)}`
  // provision.sh compares this to know whether it has to call npm.
  const digest = createHash('sha256').update(lock).digest('hex')
  await writeFile(join(root, IN_BOX, 'node_modules/.installed-for'), `${digest}  -\n`)
  await run`chroot ${root} chown -R vagrant:vagrant ${IN_BOX}`
}

/** Paths of packages that are installed in another version than the lockfile's, or missing, or not in it. */
export function differences(lock: Lockfile, installed: Lockfile): string[] {
  const there = Object.keys(installed.packages)
  const needed = Object.keys(lock.packages).filter((path) => path !== '' && lock.packages[path]?.optional !== true)
  return [...new Set([...there, ...needed])].filter(
    (path) => lock.packages[path]?.version !== installed.packages[path]?.version,
  )
}
