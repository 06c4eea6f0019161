#!/usr/bin/env zx
import { spawnSync } from 'node:child_process'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildBoxes } from './box/build.ts'
import { checkHost } from './box/host.ts'
import { readOrders } from './box/order.ts'
import { type Steps, steps } from './box/step.ts'
import { Problem } from './problem.ts'
import { boxSettings, ownArchitecture } from './settings.ts'

const HELP = `Usage: zx vm/box.ts [--provider libvirt|virtualbox|libvirt,virtualbox] [--architecture amd64|arm64] [--output FILE]

Builds the lab's Vagrant box: Debian with Docker and everything else that provisioning would install,
made from Debian's packages, with no download from a box registry. Needs root (a disk image is mounted) and calls
sudo for that. \`vagrant up\` runs it by itself when there is no box yet.

  --provider …    for which provider of Vagrant, or for several from one build. Default: libvirt
  --architecture  of which processor. Default: this host's own. For the other one this host needs qemu-user-static, and
                  the box has neither the lab's images nor node_modules: the machine makes them at its first start
  --output FILE   where to write the box. Default: vm/build, where \`vagrant up\` finds it
  --help          this text

Settings: vm/settings.json (box, suite, diskGiB, …); LAB_BOX=owner/name gives the box another name,
LAB_ARCHITECTURE=amd64|arm64 is --architecture.
`

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
  const chosen = options.architecture ? { LAB_ARCHITECTURE: options.architecture } : {}
  const settings = boxSettings({ ...process.env, ...chosen })
  const orders = readOrders(options, settings, join(HERE, 'build'))
  checkHost(settings.architecture)
  if (process.getuid?.() !== 0) return asRoot(given)

  process.stdout.write(`Building the box ${settings.box}\n`)
  const boxes = await buildBoxes(interruptible(steps((text) => process.stdout.write(text))), settings, orders)
  process.stdout.write(
    [
      ...boxes.flatMap((box) => [
        `box     ${relative(process.cwd(), box.path)}`,
        `size    ${(box.bytes / 1e6).toFixed(0)} MB`,
        `sha256  ${box.sha256}`,
      ]),
      ...(settings.architecture === ownArchitecture()
        ? []
        : ["note    it is without the lab's images and node_modules: its first start makes them, from the network"]),
      'Next: vagrant up. If a machine of an earlier build is there, first: ' +
        `vagrant destroy && vagrant box remove ${settings.box}`,
      '',
    ].join('\n'),
  )
  return 0
}

type Options = { help?: boolean; provider?: string; architecture?: string; output?: string }

function readOptions(given: string[]): Options {
  const [flag, text] = [{ type: 'boolean' }, { type: 'string' }] as const
  try {
    return parseArgs({ args: given, options: { help: flag, provider: text, architecture: text, output: text } }).values
  } catch (error) {
    throw new Problem(error instanceof Error ? error.message : String(error), 'see zx vm/box.ts --help')
  }
}

/** Runs this program again through sudo, and gives its exit code. */
function asRoot(given: string[]): number {
  process.stdout.write('Building a box mounts a disk image, which takes root: going on with sudo.\n')
  // Ctrl-C reaches sudo and the build by itself; this process only has to wait until they have cleaned up.
  process.on('SIGINT', () => {})
  const kept = Object.keys(process.env).filter((name) => /^(PATH|LAB_.*|.*_proxy)$/i.test(name))
  const environment = kept.map((name) => `${name}=${process.env[name]}`)
  const command = ['env', ...environment, process.execPath, fileURLToPath(import.meta.url), ...given]
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
