#!/usr/bin/env zx
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { throughSudo } from './box/as-root.ts'
import { buildBoxes } from './box/build.ts'
import { candidatesOf, freshnessText, lockedNames, outdated } from './box/classroom/archive.ts'
import { comparisonText, differencesOf } from './box/classroom/differences.ts'
import { manifestIn } from './box/classroom/members.ts'
import { readLock } from './box/classroom/packages-lock.ts'
import { fromMirror } from './box/from-mirror.ts'
import { checkHost } from './box/host.ts'
import { readOrders } from './box/order.ts'
import { Problem } from './box/problem.ts'
import { type BoxSettings, boxSettings } from './box/settings.ts'
import { builtText, handOutText } from './box/show.ts'
import { type Steps, steps } from './box/step.ts'
import type { Installed } from './box/system/installed.ts'
import { workplace } from './box/workplace.ts'
import { proxySettings } from './network/proxy.ts'

const HELP = `Usage: zx vm/box.ts [--provider libvirt|virtualbox|libvirt,virtualbox] [--architecture amd64|arm64]
                    [--classroom [--locked | --refresh]] [--output FILE]
       zx vm/box.ts --classroom --check
       zx vm/box.ts --compare ONE.box OTHER.box

Builds the lab's Vagrant box: Debian with Docker and everything else that provisioning would install,
made from Debian's packages, with no download from a box registry. Needs root (a disk image is mounted) and calls
sudo for that. \`vagrant up\` runs it by itself when there is no box yet.

  --provider …    builds for this provider of Vagrant, or for several at once. Default: libvirt
  --architecture  builds for this processor. Default: that of this host. A box for another processor has neither the
                  lab's images nor node_modules: the machine makes them at its first start
  --classroom     builds a box to hand out: it contains this project, and a list of its own content. Says which packages
                  have changed since vm/box/classroom/packages.lock was written
  --locked        with --classroom: refuses packages that differ from the lock
  --refresh       with --classroom: writes the packages to the lock
  --check         with --classroom: builds nothing, and says which packages of the lock Debian has in another version
  --compare       says which files differ between two classroom boxes, and why; fails if a difference has no known reason
  --output FILE   writes the box to this file. Default: vm/build, where \`vagrant up\` finds it
  --help          this text

Settings: vm/settings.json (box, suite, diskGiB, …); LAB_BOX=owner/name gives the box another name,
LAB_ARCHITECTURE does the same as --architecture, and packages come from LAB_MIRROR.
`

// Programs that this one starts find the proxies under every name that they look for.
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
  const { help, compare, architecture, classroom = false, locked = false, refresh = false, check = false } = options
  if (help) {
    process.stdout.write(HELP)
    return 0
  }
  if (compare) return compareBoxes(options.boxes)
  const settings = boxSettings({ ...process.env, ...(architecture ? { LAB_ARCHITECTURE: architecture } : {}) })
  const orders = readOrders(options, settings, join(HERE, 'build'))
  checkHost(settings.architecture)
  if (process.getuid?.() !== 0) {
    process.stdout.write('Building a box mounts a disk image, and that needs root: going on with sudo.\n')
    return throughSudo(fileURLToPath(import.meta.url), given)
  }

  if (check) return checkLock(settings)

  process.stdout.write(
    `Building the box ${settings.box} for ${settings.architecture}${classroom ? ', for a classroom' : ''}\n`,
  )
  const run = interruptible(steps((text) => process.stdout.write(text)))
  const mode = locked ? 'locked' : refresh ? 'refresh' : 'newest'
  const { boxes, changed } = await buildBoxes(run, settings, orders, classroom ? mode : undefined)
  process.stdout.write(classroom ? `${changed}${handOutText(settings.box, boxes)}` : builtText(settings, boxes))
  return 0
}

/** A stale lock is a warning and no failure: Debian's archive moves without us. */
async function checkLock(settings: BoxSettings): Promise<number> {
  const lock = await readLock()
  const run = interruptible(steps((text) => process.stdout.write(text)))
  await using place = await workplace(join(HERE, 'build'))
  let candidates: Installed = {}
  await run.step("what Debian's archive has now", 5, async (run) => {
    candidates = await fromMirror(settings.mirror, (environment) =>
      candidatesOf(run, settings, place.path, lockedNames(lock), environment),
    )
  })
  process.stdout.write(freshnessText(lock, outdated(lock, candidates)))
  return 0
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
  architecture?: string
  classroom?: boolean
  locked?: boolean
  refresh?: boolean
  check?: boolean
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
        architecture: { type: 'string' },
        classroom: { type: 'boolean' },
        locked: { type: 'boolean' },
        refresh: { type: 'boolean' },
        check: { type: 'boolean' },
        compare: { type: 'boolean' },
        output: { type: 'string' },
      },
    })
    const modes = (['locked', 'refresh', 'check'] as const).filter((mode) => values[mode])
    if (modes.length > 0 && !values.classroom) throw new Error(`--${modes[0]} needs --classroom`)
    if (modes.length > 1) throw new Error(`--${modes.join(' and --')} cannot be combined`)
    if (positionals.length > 0 && !values.compare) throw new Error(`${positionals[0]} is not an option`)
    return { ...values, boxes: positionals }
  } catch (error) {
    throw new Problem(error instanceof Error ? error.message : String(error), 'see zx vm/box.ts --help')
  }
}

function interruptible(run: Steps): Steps {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, run.interrupt)
  return run
}

/** The words after this file's name, whether zx or node runs it. */
function ownArguments(argv: readonly string[]): string[] {
  return argv.slice(argv.findIndex((argument) => argument.endsWith('box.ts')) + 1)
}
