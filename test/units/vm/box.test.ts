import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { installLine, missingForBox, parseHostPackages } from '../../../vm/box/host.ts'
import { metadata } from '../../../vm/box/pack/formats.ts'
import { Problem } from '../../../vm/box/problem.ts'
import { boxFileName, boxSettings, ownArchitecture } from '../../../vm/box/settings.ts'
import { steps } from '../../../vm/box/step.ts'
import { differences } from '../../../vm/box/system/dependencies.ts'
import { boxPackages, labPackages, mmdebstrapArguments } from '../../../vm/box/system/recipe.ts'
import { workplace } from '../../../vm/box/workplace.ts'

const table = { box: 'lab/debian', suite: 'trixie', diskGiB: 20, buildGiB: 5, cpus: 2, memoryMiB: 2048 }
const settings = { ...table, architecture: 'amd64' } as const

const refusal = (call: () => unknown): Problem => {
  try {
    call()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('it was accepted')
}

test('the settings file in the repository is usable', async (t) => {
  t.match(boxSettings({}), { suite: /^[a-z]+$/, diskGiB: Number })
})

test('LAB_BOX names the box, and an empty one counts as unset', async (t) => {
  t.equal(boxSettings({ LAB_BOX: 'school/lab' }, table).box, 'school/lab')
  t.equal(boxSettings({ LAB_BOX: '' }, table).box, 'lab/debian')
})

test("the box is for this host's processor, or for the one that LAB_ARCHITECTURE names", async (t) => {
  t.equal(boxSettings({ LAB_ARCHITECTURE: 'arm64' }, table).architecture, 'arm64')
  t.equal(boxSettings({ LAB_ARCHITECTURE: '' }, table).architecture, ownArchitecture())
  t.equal(ownArchitecture('x64'), 'amd64')
  const other = refusal(() => boxSettings({ LAB_ARCHITECTURE: 'riscv64' }, table))
  t.match(other, { message: 'the architecture riscv64 is unusable', fix: 'must be amd64 or arm64' })
})

test('a box has the kernel of its own processor', async (t) => {
  for (const architecture of ['amd64', 'arm64'] as const) {
    const kernels = boxPackages(architecture).filter((name) => name.startsWith('linux-image'))
    t.strictSame(kernels, [`linux-image-cloud-${architecture}`])
    t.ok(mmdebstrapArguments({ ...settings, architecture }, '/root', []).includes(`--architectures=${architecture}`))
  }
})

test('an unusable setting is named, with its file or variable', async (t) => {
  t.match(refusal(() => boxSettings({ LAB_BOX: 'one two' }, table)).message, 'LAB_BOX=one two')
  const small = refusal(() => boxSettings({}, { ...table, diskGiB: 1 }))
  t.match(small.message, 'vm/settings.json: diskGiB')
  t.equal(small.fix, 'must be at least 8')
})

test('the box file is named after the box, and after what is not libvirt or amd64', async (t) => {
  t.equal(boxFileName(settings, 'libvirt'), 'lab-debian.box')
  t.equal(boxFileName(settings, 'virtualbox'), 'lab-debian-virtualbox.box')
  t.equal(boxFileName({ ...settings, architecture: 'arm64' }, 'libvirt'), 'lab-debian-arm64.box')
  t.equal(boxFileName(settings, 'virtualbox', true), 'lab-debian-virtualbox-classroom.box')
})

test('only packages that building a box needs are asked for, in one line that installs them', async (t) => {
  const packages = parseHostPackages(
    '# comment\n\nvagrant up any\nqemu-utils box any qemu-img\nmmdebstrap  box any  mmdebstrap\n' +
      'extlinux  box amd64  extlinux\nfdisk  box arm64  sfdisk\n',
  )
  const missing = missingForBox('amd64', packages, (proof) => proof === 'qemu-img')
  t.same(missing, ['mmdebstrap', 'extlinux'])
  t.equal(
    installLine(missing),
    'sudo apt-get update && sudo apt-get install -y --no-install-recommends mmdebstrap extlinux',
  )
})

test('the box holds what provisioning would install', async (t) => {
  t.same(labPackages('# a\ndocker.io  dockerd\ndocker-cli?   docker\n\n'), ['docker.io', 'docker-cli'])
  const packages = boxPackages('amd64')
  t.ok(packages.includes('docker.io') && packages.includes('openssh-server'))
  t.equal(new Set(packages).size, packages.length)
})

test('packages come from the release that was set, and only from its own mirror', async (t) => {
  const given = mmdebstrapArguments(settings, '/root of it', ['one', 'two'])
  t.ok(given.includes('--include=one,two'))
  t.same(given.slice(-2), ['trixie', '/root of it'])
})

test('the metadata is what a libvirt box needs', async (t) => {
  t.strictSame(metadata(settings), { provider: 'libvirt', format: 'qcow2', virtual_size: 20, architecture: 'amd64' })
})

test('node_modules goes into the box only as package-lock.json has it', async (t) => {
  const lock = {
    packages: {
      '': { version: '1.0.0' },
      'node_modules/a': { version: '1.0.0' },
      'node_modules/other-cpu': { version: '1.0.0', optional: true as const },
    },
  }
  t.same(differences(lock, { packages: { 'node_modules/a': { version: '1.0.0' } } }), [])
  t.same(differences(lock, { packages: {} }), ['node_modules/a'])
  t.same(differences(lock, { packages: { 'node_modules/a': { version: '2.0.0' } } }), ['node_modules/a'])
  t.same(differences(lock, { packages: { ...lock.packages, 'node_modules/b': { version: '1.0.0' } } }), [
    'node_modules/b',
  ])
})

test('a step prints its time; if it fails, the error has its name and the last lines of its command', async (t) => {
  let printed = ''
  const { step } = steps((text) => {
    printed += text
  })
  await step('works', 1, async (run) => void (await run`true`))
  t.match(printed, /works … \d+\.\d s\n/)
  const broken = step('breaks', 1, async (run) => void (await run`sh -c ${'echo why it broke >&2; exit 3'}`))
  await t.rejects(broken, { message: /"breaks" failed:\nwhy it broke/ })
})

test('a step that takes long says meanwhile for how long', async (t) => {
  let printed = ''
  const { step } = steps((text) => {
    printed += text
  }, 100)
  await step('takes long', 1, async (run) => void (await run`sleep 0.5`))
  t.match(printed, /takes long … (\d+ s … ){2,}\d+\.\d s\n/)
})

test('an interrupted step stops its command, and no further step begins', async (t) => {
  const { step, interrupt } = steps(() => {})
  const began = performance.now()
  const running = step('long', 1, async (run) => void (await run`sleep 30`))
  setTimeout(interrupt, 200, 'SIGINT')
  await t.rejects(running, { message: 'interrupted (SIGINT)' })
  t.ok(performance.now() - began < 10_000)
  const next = step('next', 1, async () => void t.fail('it began'))
  await t.rejects(next, { message: 'interrupted (SIGINT)' })
})

test('a build leaves its folder behind neither when it ends nor when it was killed', async (t) => {
  const parent = await mkdtemp(join(tmpdir(), 'vm-box-'))
  t.teardown(() => rm(parent, { recursive: true, force: true }))
  // No process has such a number: Linux counts to 2^22 at most.
  await mkdir(join(parent, '.work-99999999'))
  {
    await using place = await workplace(parent)
    t.same(await readdir(parent), [`.work-${process.pid}`])
    t.ok(place.path.startsWith(parent))
  }
  t.same(await readdir(parent), [])
})
