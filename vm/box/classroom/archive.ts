import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BoxSettings } from '../settings.ts'
import type { Run } from '../step.ts'
import type { Installed } from '../system/installed.ts'
import { mmdebstrapSources, quoted } from '../system/recipe.ts'
import type { Lock } from './packages-lock.ts'

/** Versions of these packages that Debian's archive (or the mirror) has now. It reads only the indices and installs nothing. */
export async function candidatesOf(
  run: Run,
  settings: BoxSettings,
  folder: string,
  names: readonly string[],
  environment: readonly string[],
): Promise<Installed> {
  const answer = join(folder, 'candidates')
  const hook = `APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-cache policy ${names.map(quoted).join(' ')} >${quoted(answer)}`
  const options = ['--variant=custom', '--format=null', `--customize-hook=${hook}`]
  await run`env TMPDIR=${folder} ${environment} mmdebstrap ${[...mmdebstrapSources(settings), ...options, settings.suite, '/dev/null']}`
  return parsePolicy(await readFile(answer, 'utf8'))
}

/** The candidates in the output of `apt-cache policy`. */
export function parsePolicy(text: string): Installed {
  const found: Record<string, string> = {}
  let name = ''
  for (const line of text.split('\n')) {
    const [, package_] = /^(\S+):$/.exec(line) ?? []
    const [, version] = /^ {2}Candidate: (\S+)$/.exec(line) ?? []
    if (package_ !== undefined) name = package_
    else if (version !== undefined && version !== '(none)') found[name] = version
  }
  return found
}

/** Every package that the lock names, once. */
export const lockedNames = ({ packages }: Lock): readonly string[] =>
  [...new Set(Object.values(packages).flatMap((part) => Object.keys(part)))].sort()

/** Packages of the lock that the archive has in another version, or lacks: one phrase for each. */
export const outdated = ({ packages }: Lock, candidates: Installed): readonly string[] => [
  ...new Set(
    Object.values(packages).flatMap((part) =>
      Object.entries(part)
        .filter(([name, version]) => candidates[name] !== version)
        .map(([name, version]) => `${name} ${candidates[name] ?? 'missing'} (locked: ${version})`),
    ),
  ),
]

/** A text about the lock: that it is up to date, or what has changed since, which is only a warning. */
export const freshnessText = ({ made }: Lock, other: readonly string[]): string =>
  other.length === 0
    ? "✓ vm/box/classroom/packages.lock is what Debian's archive has\n"
    : `⚠ since vm/box/classroom/packages.lock was written (${made.toISOString().slice(0, 10)}) Debian's archive has changed ` +
      `${other.length} of its packages:\n${other.map((line) => `  ${line}\n`).join('')}` +
      '  → zx vm/box.ts --classroom takes the new ones; with --refresh it writes them to the lock too\n'
