#!/usr/bin/env zx
import { spawnSync } from 'node:child_process'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { asRoot } from './as-root.ts'
import { buildBox } from './box/build.ts'
import { type Steps, steps } from './box/step.ts'
import { installLine, missingForBox } from './host-packages.ts'
import { Problem } from './problem.ts'
import { proxySettings } from './proxy.ts'
import { boxFileName, boxSettings } from './settings.ts'

const HELP = `Usage: zx vm/box.ts [--output FILE]

Builds the lab's Vagrant box for libvirt: Debian with Docker and everything else that provisioning would install,
made from Debian's packages, with no download from a box registry. Needs root (a disk image is mounted) and calls
sudo for that. \`vagrant up\` runs it by itself when there is no box yet.

  --output FILE   where to write the box. Default: vm/build/<name>.box, where \`vagrant up\` finds it
  --help          this text

Settings: vm/settings.json (box, suite, diskGiB); LAB_BOX=owner/name gives the box another name.
`

// What is called from here finds its proxies, whichever of their names it looks for.
Object.assign(process.env, proxySettings(process.env))

const HERE = dirname(fileURLToPath(import.meta.url))

try {
  process.exitCode = await main(ownArguments(process.argv))
} catch (error) {
  if (!(error instanceof Problem)) throw error
  process.stderr.write(`box: ${error.message}\n  → ${error.fix}\n`)
  process.exitCode = 1
}

async function main(given: string[]): Promise<number> {
  const options = readOptions(given)
  if (options.help) {
    process.stdout.write(HELP)
    return 0
  }
  const settings = boxSettings()
  const output = resolve(options.output ?? join(HERE, 'build', boxFileName(settings.box)))
  checkHost()
  if (process.getuid?.() !== 0) return throughSudo(['--output', output])

  process.stdout.write(`Building the box ${settings.box}\n`)
  const box = await buildBox(interruptible(steps((text) => process.stdout.write(text))), settings, output)
  process.stdout.write(
    [
      `box     ${relative(process.cwd(), box.path)}`,
      `size    ${(box.bytes / 1e6).toFixed(0)} MB`,
      `sha256  ${box.sha256}`,
      'Next: vagrant up. If a machine of an earlier build is there, first: ' +
        `vagrant destroy && vagrant box remove ${settings.box}`,
      '',
    ].join('\n'),
  )
  return 0
}

function readOptions(given: string[]): { help?: boolean; output?: string } {
  try {
    return parseArgs({ args: given, options: { help: { type: 'boolean' }, output: { type: 'string' } } }).values
  } catch (error) {
    throw new Problem(error instanceof Error ? error.message : String(error), 'see zx vm/box.ts --help')
  }
}

function checkHost(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Problem(
      `a box is built on Linux with an amd64 processor; this is ${process.platform} ${process.arch}`,
      'build it on such a machine and copy the file to vm/build here',
    )
  }
  const missing = missingForBox()
  if (missing.length > 0) throw new Problem(`building the box needs ${missing.join(', ')}`, installLine(missing))
}

/** Runs this program again through sudo, and gives its exit code. */
function throughSudo(given: string[]): number {
  process.stdout.write('Building a box mounts a disk image, which takes root: going on with sudo.\n')
  // Ctrl-C reaches sudo and the build by itself; this process only has to wait until they have cleaned up.
  process.on('SIGINT', () => {})
  const command = asRoot(process.env, [process.execPath, fileURLToPath(import.meta.url), ...given])
  const { status, error } = spawnSync('sudo', command, { stdio: 'inherit' })
  if (error) throw new Problem('sudo is not here', 'run this as root')
  return status ?? 1
}

function interruptible(run: Steps): Steps {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, run.interrupt)
  return run
}

/** What follows this file's name, be it run by zx or by node. */
function ownArguments(argv: readonly string[]): string[] {
  return argv.slice(argv.findIndex((argument) => argument.endsWith('box.ts')) + 1)
}
