#!/usr/bin/env zx
import { spawnSync } from 'node:child_process'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildBoxes, type Order } from './box/build.ts'
import { PROVIDERS, type Provider } from './box/format.ts'
import { type Steps, steps } from './box/step.ts'
import { installLine, missingForBox } from './host-packages.ts'
import { Problem } from './problem.ts'
import { boxFileName, boxSettings } from './settings.ts'

const HELP = `Usage: zx vm/box.ts [--provider libvirt|virtualbox|libvirt,virtualbox] [--output FILE]

Builds the lab's Vagrant box: Debian with Docker and everything else that provisioning would install,
made from Debian's packages, with no download from a box registry. Needs root (a disk image is mounted) and calls
sudo for that. \`vagrant up\` runs it by itself when there is no box yet.

  --provider …    for which provider of Vagrant, or for several from one build. Default: libvirt
  --output FILE   where to write the box. Default: vm/build, where \`vagrant up\` finds it
  --help          this text

Settings: vm/settings.json (box, suite, diskGiB, …); LAB_BOX=owner/name gives the box another name.
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
  const settings = boxSettings()
  const orders = readOrders(options, settings.box)
  checkHost()
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
      'Next: vagrant up. If a machine of an earlier build is there, first: ' +
        `vagrant destroy && vagrant box remove ${settings.box}`,
      '',
    ].join('\n'),
  )
  return 0
}

type Options = { help?: boolean; provider?: string; output?: string }

function readOptions(given: string[]): Options {
  const [flag, text] = [{ type: 'boolean' }, { type: 'string' }] as const
  try {
    return parseArgs({ args: given, options: { help: flag, provider: text, output: text } }).values
  } catch (error) {
    throw new Problem(error instanceof Error ? error.message : String(error), 'see zx vm/box.ts --help')
  }
}

function readOrders({ provider, output }: Options, box: string): [Order, ...Order[]] {
  const [first = 'libvirt', ...others] = [...new Set(provider?.split(','))].map(known)
  if (output !== undefined && others.length > 0) {
    throw new Problem('--output names one file, and two boxes are to be built', 'build them one by one')
  }
  const order = (wanted: Provider): Order => ({
    provider: wanted,
    output: resolve(output ?? join(HERE, 'build', boxFileName(box, wanted))),
  })
  return [order(first), ...others.map(order)]
}

function known(name: string): Provider {
  const provider = PROVIDERS.find((one) => one === name)
  if (provider) return provider
  throw new Problem(`there is no box for the provider ${JSON.stringify(name)}`, `one of ${PROVIDERS.join(', ')}`)
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
