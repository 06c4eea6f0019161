import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { test } from 'tap'
import { readSettings, SETTING_NAMES } from '../../../scripts/lab/settings.ts'
import { labOf } from '../../../scripts/lab/topology/topology.ts'
import { installLine, parseHostPackages } from '../../../vm/box/host.ts'
import { ARCHITECTURES, boxFileName, boxSettings, PROVIDERS } from '../../../vm/box/settings.ts'
import { type Environment, emptyFolder, needs, ruby, run, vagrantfile } from './ruby.ts'

const ROOT = join(import.meta.dirname, '../../..')
const table = JSON.parse(readFileSync(join(ROOT, 'vm/settings.json'), 'utf8'))

const refusal = (environment: Environment): string => {
  try {
    return `accepted: ${JSON.stringify(ruby('Machine.settings.to_h', environment))}`
  } catch (error) {
    return String(error)
  }
}

test('the Vagrantfile and what it loads is Ruby', needs('ruby'), async (t) => {
  for (const file of [
    'Vagrantfile',
    'vm/box/pack/Vagrantfile',
    ...(await Array.fromAsync(glob('vm/host/*.rb', { cwd: ROOT }))),
  ])
    t.match(run('ruby', ['-wc', file]), { status: 0, said: /^Syntax OK\n$/ }, file)
})

test('Vagrant accepts the Vagrantfile, with everything set', needs('vagrant'), async (t) => {
  t.match(run('vagrant', ['validate']), { status: 0 })
  const everything = {
    LAB_BOX: 'school/lab',
    LAB_BOX_URL: '/somewhere/lab.box',
    LAB_BOX_VERSION: '1.2.3',
    LAB_BOX_CHECKSUM: 'a'.repeat(64),
    LAB_PORT_OFFSET: '1000',
  }
  t.match(run('vagrant', ['validate'], everything), { status: 0 })
  t.match(run('vagrant', ['validate'], { ...everything, LAB_ARCHITECTURE: 'arm64' }), { status: 0 })
})

test('the Vagrantfile and the scripts read the same settings', needs('ruby'), async (t) => {
  t.strictSame(ruby('Machine::ARCHITECTURES'), ARCHITECTURES)
  for (const environment of [{}, { LAB_BOX: 'school/lab' }, { LAB_ARCHITECTURE: 'arm64' }]) {
    const settings = boxSettings(environment)
    const { box } = settings
    t.equal(ruby('Boxes.choose("libvirt", builds: true).to_h', environment).name, box)
    for (const provider of PROVIDERS) {
      const [file] = ruby(`[Boxes.file(${JSON.stringify(box)}, '${provider}')]`, environment)
      t.ok(file.endsWith(`/vm/build/${boxFileName(settings, provider)}`), file)
    }
  }
})

test(
  'a port is one fact: the ports that nodes publish in the VM are forwarded, and all move by the same offset',
  needs('ruby'),
  async (t) => {
    for (const offset of [0, 1000]) {
      const environment = { LAB_PORT_OFFSET: String(offset) }
      const forwarded = vagrantfile(environment)
        .filter(([where, [kind]]) => where === 'vm.network' && kind === 'forwarded_port')
        .map(([, , { id, guest, host, host_ip, auto_correct }]) => ({ id, guest, host, host_ip, auto_correct }))
      const published = (settings: Environment) =>
        labOf(readSettings(settings)).nodes.flatMap(({ name, publishedPort }) =>
          publishedPort === undefined ? [] : [{ name, publishedPort }],
        )
      const onHost = published(environment)
      t.equal(forwarded.length, 4)
      t.strictSame(
        forwarded,
        published({}).map(({ name, publishedPort }, index) => ({
          id: name,
          guest: publishedPort,
          host: onHost[index]?.publishedPort,
          host_ip: '127.0.0.1',
          // Of a single port, which would make the others' offset a lie.
          auto_correct: false,
        })),
      )
    }
  },
)

test('the environment overrides the machine, and moves every port', needs('ruby'), async (t) => {
  const found = ruby('Machine.settings.to_h.merge(ports: Machine.settings.ports.map(&:to_h))', {
    LAB_CPUS: '3',
    LAB_MEMORY: '2048',
    LAB_PORT_OFFSET: '1000',
    LAB_VM_DRIVER: 'qemu',
  })
  t.match(found, { cpus: 3, memory: 2048, driver: 'qemu' })
  for (const { guest, host } of found.ports) t.equal(host, guest + 1000)
})

test('both providers get the size that was asked for', needs('ruby'), async (t) => {
  const asked = vagrantfile({ LAB_CPUS: '3', LAB_MEMORY: '2048' })
  for (const provider of ['libvirt', 'virtualbox']) {
    const of = (setting: string) => asked.find(([where]) => where === `vm.provider.${provider}.${setting}`)?.[1]
    t.strictSame([of('cpus'), of('memory')], [[3], [2048]], provider)
  }
})

test('an emulated machine has one processor, any other two', needs('ruby'), async (t) => {
  t.equal(ruby('Machine.settings.to_h', { LAB_VM_DRIVER: 'qemu' }).cpus, 1)
  t.equal(ruby('Machine.settings.to_h', { LAB_VM_DRIVER: 'kvm' }).cpus, 2)
})

test('a machine with arm64 has the firmware and the processor that it boots with', needs('ruby'), async (t) => {
  const asked = (environment: Environment) =>
    Object.fromEntries(
      vagrantfile(environment).map(([where, [value]]) => [where.replace('vm.provider.libvirt.', ''), value]),
    )
  const emulated = asked({ LAB_ARCHITECTURE: 'arm64', LAB_VM_DRIVER: 'qemu' })
  t.match(emulated, { machine_arch: 'aarch64', machine_type: 'virt', loader: /QEMU_EFI/, cpu_model: 'cortex-a72' })
  t.equal(asked({ LAB_ARCHITECTURE: 'arm64', LAB_VM_DRIVER: 'kvm' })['cpu_mode'], 'host-passthrough')
  t.notOk('loader' in asked({ LAB_ARCHITECTURE: 'amd64' }), 'an amd64 one boots by its BIOS')
})

test('an unusable setting is refused, with the values that can be used', needs('ruby'), async (t) => {
  t.match(refusal({ LAB_CPUS: 'many' }), /LAB_CPUS is "many".*1 to 64/)
  t.match(refusal({ LAB_PORT_OFFSET: '99999' }), /LAB_PORT_OFFSET/)
  t.match(refusal({ LAB_VM_DRIVER: 'xen' }), /auto, kvm, qemu/)
})

test('what Git ignores stays out of the VM, and is not deleted in it', needs('ruby'), async (t) => {
  const ignored = ruby('Machine.ignored')
  for (const folder of ['.git', 'node_modules', '.vagrant', 'vm/build', '.tap']) t.ok(ignored.includes(folder))
})

test(
  'the working folder: edits arrive, and each side keeps its own node_modules',
  needs('ruby', 'rsync'),
  async (t) => {
    const [host, guest] = [emptyFolder(), emptyFolder()]
    const put = (side: string, file: string, text: string) => {
      mkdirSync(dirname(join(side, file)), { recursive: true })
      writeFileSync(join(side, file), text)
    }
    put(host, 'scripts/setup.ts', 'edited on the host')
    put(host, 'node_modules/.bin/node', 'of another system')
    put(guest, 'scripts/setup.ts', 'as it was')
    put(guest, 'scripts/gone.ts', 'removed on the host')
    put(guest, 'node_modules/.bin/node', "Linux' own")
    put(guest, 'results/latest', 'of the VM')
    const folder = vagrantfile().find(([where, [from]]) => where === 'vm.synced_folder' && from === '.')
    t.match(folder, [String, ['.', '/vagrant'], { type: 'rsync' }])
    const option = (name: string): string[] => [folder?.[2][name]].flat().map(String)
    const excludes = option('rsync__exclude').map((pattern) => `--exclude=${pattern}`)
    t.match(run('rsync', [...option('rsync__args'), ...excludes, `${host}/`, guest]), { status: 0 })
    const there = readdirSync(guest, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
    t.strictSame(Object.fromEntries(there.map((file) => [relative(guest, file), readFileSync(file, 'utf8')])), {
      'scripts/setup.ts': 'edited on the host',
      'node_modules/.bin/node': "Linux' own",
      'results/latest': 'of the VM',
    })
  },
)

test(
  'after a copy Vagrant looks only at files that were copied, not at those that each side keeps',
  needs('ruby'),
  async (t) => {
    const guest = emptyFolder()
    for (const file of ['scripts/setup.ts', 'node_modules/zx/package.json', 'vm/build/one.box']) {
      mkdirSync(dirname(join(guest, file)), { recursive: true })
      writeFileSync(join(guest, file), '')
    }
    const folder = vagrantfile().find(([where, [from]]) => where === 'vm.synced_folder' && from === '.')
    const excludes = [folder?.[2]['rsync__exclude']].flat().map(String)
    // As its capability rsync_post asks `find`.
    const pruned = excludes.flatMap((pattern) => ['-path', join(guest, pattern), '-prune', '-o'])
    const { said } = run('find', [guest, ...pruned, '-type', 'f', '-print'])
    t.equal(said.trim(), join(guest, 'scripts/setup.ts'))
  },
)

test('the line that a host is told installs every package of the list', needs('ruby'), async (t) => {
  const packages = parseHostPackages(readFileSync(join(ROOT, 'vm/host-packages.txt'), 'utf8'))
  for (const architecture of ARCHITECTURES) {
    const names = packages.flatMap(({ name, processor }) => (['any', architecture].includes(processor) ? [name] : []))
    t.ok(names.includes('vagrant-libvirt') && names.includes('mmdebstrap'), names.join(' '))
    t.strictSame(ruby('[Machine.install_line]', { LAB_ARCHITECTURE: architecture }), [installLine(names)])
  }
})

/** A clone of the project as far as the Vagrantfile reads it. */
function clone(): string {
  const folder = join(emptyFolder(), 'lab')
  mkdirSync(folder)
  for (const part of ['Vagrantfile', 'vm', '.gitignore'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true, filter: (path) => !path.includes('/vm/build') })
  mkdirSync(join(folder, 'test/units'), { recursive: true })
  cpSync(join(ROOT, 'test/units/vm/vagrantfile-as-read.rb'), join(folder, 'test/units/vm/vagrantfile-as-read.rb'))
  return folder
}

test(
  'two clones in folders of the same name have machines of two names, each the same every time',
  needs('ruby'),
  async (t) => {
    const prefix = (folder: string) =>
      vagrantfile({}, folder).find(([where]) => where === 'vm.provider.libvirt.default_prefix')?.[1][0]
    const [one, other] = [clone(), clone()]
    t.match(prefix(one), /^failover-lab-[a-z0-9]+-[0-9a-f]{6}_$/)
    t.equal(prefix(one), prefix(one))
    t.not(prefix(one), prefix(other))
    const of = (user: string) => ruby(`[Machine.prefix('.', '${user}')]`)[0]
    t.not(of('ann'), of('bob'), 'and each user')
    t.match(of('Ann.B-2'), /^failover-lab-annb2-/, "in characters that libvirt's names may have")
  },
)

test('a machine keeps the offset that it was brought up with, until another is given', needs('ruby'), async (t) => {
  const data = emptyFolder()
  const offset = (environment: Environment = {}) =>
    ruby('[Machine.settings.offset]', { VAGRANT_DOTFILE_PATH: data, ...environment })[0]
  writeFileSync(join(data, 'failover-lab-port-offset'), '3000')
  t.equal(offset(), 0, 'of a machine that is gone nothing is kept')
  mkdirSync(join(data, 'machines/default/libvirt'), { recursive: true })
  writeFileSync(join(data, 'machines/default/libvirt/id'), 'some-id')
  t.equal(offset(), 3000)
  t.equal(offset({ LAB_PORT_OFFSET: '0' }), 0)
})

test("vagrant-qemu's ssh has a port that moves with the lab", needs('ruby'), async (t) => {
  const port = (environment: Environment) =>
    vagrantfile(environment).find(([where]) => where === 'vm.provider.qemu.ssh_port')?.[1]
  t.strictSame([port({}), port({ LAB_PORT_OFFSET: '1000' })], [[50022], [51022]])
})

test("the lab's settings reach the machine, all but those that are the host's own", needs('ruby'), async (t) => {
  const own = ['LAB_NAME', 'LAB_PORT_OFFSET', 'LAB_BIND', 'LAB_STEPS']
  t.strictSame([...table.guestSettings, ...own].sort(), [...SETTING_NAMES].sort())
  const sent = (environment: Environment) =>
    vagrantfile(environment).find(([where]) => where === 'vm.provision')?.[2]['env']
  t.match(sent({ LAB_PATIENCE: '3', LAB_LOG_LEVEL: 'debug', LAB_POSTGRES: '' }), {
    GUEST_SETTINGS: 'LAB_PATIENCE=3 LAB_LOG_LEVEL=debug',
  })
  t.throws(() => vagrantfile({ LAB_LOG_LEVEL: 'a;reboot' }), /LAB_LOG_LEVEL/)
})

test('time limits follow how fast the machine starts processes', async (t) => {
  const patience = (...args: string[]) => Number(run('bash', ['vm/guest/patience.sh', ...args]).stdout)
  t.strictSame(
    ['300', '4999', '5000', '12000', '900000'].map((it) => patience(it)),
    [1, 1, 8, 12, 30],
  )
  t.ok(patience() >= 1, 'measured')
})
