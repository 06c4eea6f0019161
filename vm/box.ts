#!/usr/bin/env zx
import { spawnSync } from 'node:child_process'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { asRoot } from './as-root.ts'
import { buildBoxes, type Order } from './box/build.ts'
import { comparisonText, differencesOf } from './box/differences.ts'
import { PROVIDERS, type Provider } from './box/format.ts'
import { manifestIn } from './box/members.ts'
import { builtText, handOutText } from './box/show.ts'
import { type Steps, steps } from './box/step.ts'
import { installLine, missingForBox } from './host-packages.ts'
import { Problem } from './problem.ts'
import { proxySettings } from './proxy.ts'
import { boxFileName, boxSettings } from './settings.ts'

const HELP = `Usage: zx vm/box.ts [--provider libvirt|virtualbox|libvirt,virtualbox] [--classroom [--refresh]] [--output FILE]
       zx vm/box.ts --compare ONE.box OTHER.box

Builds the lab's Vagrant box: Debian with Docker and everything else that provisioning would install,
made from Debian's packages, with no download from a box registry. Needs root (a disk image is mounted) and calls
sudo for that. \`vagrant up\` runs it by itself when there is no box yet.

  --provider …    for which provider of Vagrant, or for several from one build. Default: libvirt
  --classroom     a box to hand out: from exactly the packages of vm/box/packages.lock, with a list of all that is in
                  it and this project inside
  --refresh       with --classroom: takes the packages that Debian has now, and writes them to the lock
  --compare       says which files two classroom boxes have unlike, and why; fails if one of them has no known reason
  --output FILE   where to write the box. Default: vm/build, where \`vagrant up\` finds it
  --help          this text

Settings: vm/settings.json (box, suite, diskGiB, …); LAB_BOX=owner/name gives the box another name.
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
  const { help, compare, provider, classroom = false, refresh = false, output, boxes } = readOptions(given)
  if (help) {
    process.stdout.write(HELP)
    return 0
  }
  if (compare) return compareBoxes(boxes)
  const settings = boxSettings()
  const orders = readOrders(provider, (wanted) =>
    output === undefined ? join(HERE, 'build', boxFileName(settings.box, wanted, classroom)) : resolve(output),
  )
  if (output !== undefined && orders.length > 1)
    throw new Problem('--output names one file, and two boxes are to be built', 'build them one by one')
  checkHost()
  if (process.getuid?.() !== 0) return throughSudo(given)

  process.stdout.write(`Building the box ${settings.box}${classroom ? ' for a classroom' : ''}\n`)
  const run = interruptible(steps((text) => process.stdout.write(text)))
  const built = await buildBoxes(run, settings, orders, classroom ? { refresh } : undefined)
  process.stdout.write(classroom ? handOutText(settings.box, built) : builtText(settings.box, built))
  return 0
}

function readOrders(providers: string | undefined, outputFor: (provider: Provider) => string): [Order, ...Order[]] {
  const [first = 'libvirt', ...others] = [...new Set(providers?.split(','))].map(known)
  const order = (provider: Provider): Order => ({ provider, output: outputFor(provider) })
  return [order(first), ...others.map(order)]
}

function known(name: string): Provider {
  const provider = PROVIDERS.find((one) => one === name)
  if (provider) return provider
  throw new Problem(`there is no box for the provider ${JSON.stringify(name)}`, `one of ${PROVIDERS.join(', ')}`)
}

async function compareBoxes([one, other, ...more]: readonly string[]): Promise<number> {
  if (one === undefined || other === undefined || more.length > 0)
    throw new Problem('--compare takes two box files', 'zx vm/box.ts --compare ONE.box OTHER.box')
  const [ours, theirs] = await Promise.all([manifestIn(one), manifestIn(other)])
  const differences = differencesOf(ours, theirs)
  const { text, unexplained } = comparisonText(ours, theirs, differences)
  process.stdout.write(text)
  return unexplained === 0 ? 0 : 1
}

type Options = {
  help?: boolean
  provider?: string
  classroom?: boolean
  refresh?: boolean
  compare?: boolean
  output?: string
  boxes: string[]
}

function readOptions(given: string[]): Options {
  try {
    const { values, positionals } = parseArgs({
      args: given,
      allowPositionals: true,
      options: {
        help: { type: 'boolean' },
        provider: { type: 'string' },
        classroom: { type: 'boolean' },
        refresh: { type: 'boolean' },
        compare: { type: 'boolean' },
        output: { type: 'string' },
      },
    })
    if (values.refresh && !values.classroom) throw new Error('--refresh goes with --classroom')
    if (positionals.length > 0 && !values.compare) throw new Error(`${positionals[0]} is no option`)
    return { ...values, boxes: positionals }
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
