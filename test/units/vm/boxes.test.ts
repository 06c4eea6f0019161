import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { type Environment, emptyFolder, needs, ruby, vagrantfile } from './ruby.ts'

const OWN = 'failover-lab/debian-13'
const PUBLIC = 'cloud-image/debian-13'
const LAST_DAY = 'Date.new(2026, 12, 31)'
const AFTER = 'Date.new(2027, 1, 1)'
const CHECKSUM = 'ab'.repeat(32)

type Host = { readonly today?: string; readonly builds?: boolean; readonly has?: boolean }

/** The box for a provider on such a host, as Ruby chooses it. */
const choose = (provider: string, environment: Environment = {}, { today = LAST_DAY, builds, has }: Host = {}) =>
  ruby(`${choice(provider, { today, builds: builds ?? false, has: has ?? false })}.to_h`, environment)
const choice = (provider: string, { today, builds, has }: Required<Host>) =>
  `Boxes.choose('${provider}', today: ${today}, builds: ${builds}, has: ->(_name, _provider) { ${has} }, made: ->(_name, _provider) {})`

/** Why no machine can be made there, or null. */
const complaint = (
  provider: string,
  environment: Environment,
  { today = LAST_DAY, builds = false }: Host,
  there = false,
) =>
  ruby(
    `[Boxes.complaint(${choice(provider, { today, builds, has: false })}, there: ${there}, builds: ${builds})]`,
    environment,
  )[0]

test('without a wish: a box is built if that is possible, else the public box is taken', needs('ruby'), async (t) => {
  t.match(choose('libvirt', {}, { builds: true }), { kind: 'own', name: OWN, url: /^file:.*\.box$/ })
  t.match(choose('libvirt'), { kind: 'public', name: PUBLIC, url: null })
  t.match(choose('virtualbox', {}, { builds: true }), { kind: 'public', name: PUBLIC, url: null })
  t.match(choose('libvirt', {}, { has: true }), { kind: 'own', name: OWN }, 'one that Vagrant has goes first')
})

test('LAB_ARCHITECTURE chooses the file, and the hosts that can build it', needs('ruby'), async (t) => {
  const arm64 = { LAB_ARCHITECTURE: 'arm64' }
  t.match(choose('libvirt', arm64, { builds: true }), { kind: 'own', name: OWN, url: /debian-13-arm64\.box$/ })
  t.match(choose('qemu', { ...arm64, LAB_BOX: OWN }), { kind: 'own', url: /debian-13-arm64\.box$/ })
  t.throws(() => vagrantfile({ LAB_ARCHITECTURE: 'riscv64' }), /LAB_ARCHITECTURE is .*riscv64.*amd64, arm64/)
  const builds = (architecture: string, host: string) => ruby(`[Boxes.buildable?('${architecture}', '${host}')]`)[0]
  // As far as the host is Debian or Ubuntu.
  const here = builds('amd64', 'linux-gnu x86_64')
  t.strictSame(
    [builds('arm64', 'linux-gnu x86_64'), builds('arm64', 'linux-gnu aarch64'), builds('amd64', 'linux-gnu aarch64')],
    [here, here, false],
  )
  t.equal(builds('arm64', 'darwin23 arm64'), false)
})

test('a host is told to install what machines of that processor need', needs('ruby'), async (t) => {
  const line = (architecture: string) => ruby('[Machine.install_line]', { LAB_ARCHITECTURE: architecture })[0]
  t.match(line('amd64'), /qemu-system-x86.* extlinux/)
  t.notMatch(line('amd64'), /qemu-system-arm|dosfstools/)
  t.match(line('arm64'), /qemu-system-arm.* dosfstools/)
  t.notMatch(line('arm64'), /qemu-system-x86|extlinux/)
})

test('a box counts as there for the provider that it was made for', needs('ruby'), async (t) => {
  const home = emptyFolder()
  for (const folder of ['0/libvirt', '1/amd64/virtualbox']) {
    const box = join(home, 'boxes/failover-lab-VAGRANTSLASH-debian-13', folder)
    mkdirSync(box, { recursive: true })
    writeFileSync(join(box, 'metadata.json'), '{}')
  }
  const known = (provider: string) => ruby(`[Boxes.known?('${OWN}', ${provider})]`, { VAGRANT_HOME: home })[0]
  t.strictSame(['"libvirt"', '"virtualbox"', '"vmware"', 'nil'].map(known), [true, true, false, false])
  t.equal(known('"qemu"'), true, 'vagrant-qemu takes those of libvirt')
})

test('a box that is asked for is taken, with its address, version and checksum', needs('ruby'), async (t) => {
  const given = { LAB_BOX: 'school/lab', LAB_BOX_URL: '/x.box', LAB_BOX_VERSION: '2.1', LAB_BOX_CHECKSUM: CHECKSUM }
  for (const provider of ['libvirt', 'virtualbox'])
    t.match(choose(provider, given, { builds: true }), {
      kind: 'asked',
      name: 'school/lab',
      url: '/x.box',
      version: '2.1',
      checksum: CHECKSUM,
    })
  t.match(choose('virtualbox', { LAB_BOX_URL: 'http://teacher/lab.box' }), { kind: 'asked', name: OWN })
  t.match(choose('virtualbox', { LAB_BOX_VERSION: '2.1' }), { kind: 'public', name: PUBLIC, version: '2.1' })
})

test('the Vagrantfile hands all of it on, and lets no provider inherit from another', needs('ruby'), async (t) => {
  const asked = vagrantfile({ LAB_BOX: 'school/lab', LAB_BOX_URL: '/x.box', LAB_BOX_CHECKSUM: CHECKSUM.toUpperCase() })
  for (const where of ['vm', 'vm.provider.libvirt.override.vm', 'vm.provider.virtualbox.override.vm']) {
    const of = (setting: string) => asked.find(([name]) => name === `${where}.${setting}`)?.[1]?.[0]
    t.strictSame(
      ['box', 'box_url', 'box_version', 'box_download_checksum', 'box_download_checksum_type'].map(of),
      ['school/lab', '/x.box', null, CHECKSUM, 'sha256'],
      where,
    )
  }
})

test(
  'when the registry is gone, the error says what builds a box; a box that Vagrant has already still works',
  needs('ruby'),
  async (t) => {
    t.equal(complaint('virtualbox', {}, { today: LAST_DAY }), null)
    t.match(
      complaint('virtualbox', {}, { today: AFTER }),
      /since 2026-12-31.\n.*\n {2}npm ci && npx zx vm\/box\.ts --provider virtualbox\n/,
    )
    t.match(
      complaint('qemu', { LAB_ARCHITECTURE: 'arm64' }, { today: AFTER }),
      /for qemu and arm64 here.*, on Linux:\n {2}npm ci && npx zx vm\/box\.ts --architecture arm64\n/s,
    )
    t.notMatch(complaint('virtualbox', { LAB_ARCHITECTURE: 'arm64' }, { today: AFTER }), 'vm/box.ts')
    t.match(choose('virtualbox', {}, { today: AFTER, has: true }), { kind: 'own' })
    t.equal(complaint('libvirt', {}, { today: AFTER, builds: true }), null, 'where it can be built it is')
    t.match(
      complaint('virtualbox', { LAB_BOX: OWN }, {}),
      /no box for virtualbox and \w+ here\.\n/,
      'nor is a built one looked up',
    )
  },
)

test('a version or checksum that cannot be checked is refused', needs('ruby'), async (t) => {
  t.match(complaint('virtualbox', { LAB_BOX_CHECKSUM: CHECKSUM }, {}), /LAB_BOX_CHECKSUM.*LAB_BOX_URL/)
  t.equal(complaint('virtualbox', { LAB_BOX_CHECKSUM: CHECKSUM, LAB_BOX_URL: '/x.box' }, {}), null)
  t.match(complaint('libvirt', { LAB_BOX_VERSION: '1' }, { builds: true }), /LAB_BOX_VERSION.*has no version/)
  t.throws(() => choose('libvirt', { LAB_BOX_CHECKSUM: 'abc' }), /LAB_BOX_CHECKSUM is .*abc.*64 hexadecimal digits/)
})
