import { spawnSync } from 'node:child_process'
import { test } from 'tap'
import { boxFileName, boxSettings } from '../../vm/settings.ts'

const ROOT = new URL('../..', import.meta.url).pathname

// Without this shell's own LAB_ settings, which the tests would otherwise measure.
const plain = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LAB_')))

const run = (command: string, args: string[], environment: Record<string, string> = {}) => {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    env: { ...plain, ...environment },
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { status, stdout, said: stdout + stderr }
}
const without = (command: string) =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).error ? { skip: `${command} is not installed here` } : {}

const machine = (expression: string, environment: Record<string, string> = {}) =>
  run('ruby', ['-r', './vm/machine.rb', '-e', `puts JSON.generate(${expression})`], environment)

const settings = (environment: Record<string, string>) => {
  const asked = machine('Machine.settings.to_h.merge(ports: Machine.settings.ports.map(&:to_h))', environment)
  return JSON.parse(asked.stdout)
}

test('the Vagrantfile and what it loads is Ruby', without('ruby'), async (t) => {
  for (const file of ['Vagrantfile', 'vm/machine.rb', 'vm/before_up.rb', 'vm/box/Vagrantfile']) {
    t.match(run('ruby', ['-wc', file]), { status: 0 }, file)
  }
})

test('Vagrant accepts the Vagrantfile', without('vagrant'), async (t) => {
  t.match(run('vagrant', ['validate']), { status: 0 })
})

test('the Vagrantfile and the scripts read the same settings', without('ruby'), async (t) => {
  for (const environment of [{}, { LAB_BOX: 'school/lab' }, { LAB_ARCHITECTURE: 'arm64' }]) {
    const [ruby, ours] = [settings(environment), boxSettings(environment)]
    t.equal(ruby.box, ours.box)
    t.match(ruby.box_file, new RegExp(`/vm/build/${boxFileName(ours, 'libvirt')}$`))
    t.match(ruby.virtualbox_file, new RegExp(`/vm/build/${boxFileName(ours, 'virtualbox')}$`))
  }
})

test('the environment overrides the machine, and moves every port', without('ruby'), async (t) => {
  const found = settings({ LAB_CPUS: '3', LAB_MEMORY: '2048', LAB_PORT_OFFSET: '1000', LAB_VM_DRIVER: 'qemu' })
  t.match(found, { cpus: 3, memory: 2048, driver: 'qemu' })
  for (const { guest, host } of found.ports) t.equal(host, guest + 1000)
})

test('an emulated machine has one processor, any other two', without('ruby'), async (t) => {
  t.equal(settings({ LAB_VM_DRIVER: 'qemu' }).cpus, 1)
  t.equal(settings({ LAB_VM_DRIVER: 'kvm' }).cpus, 2)
})

test('an unusable setting is refused with what would do', without('ruby'), async (t) => {
  t.match(machine('Machine.settings', { LAB_CPUS: 'many' }), { status: 1, said: /LAB_CPUS is "many".*1 to 64/ })
  t.match(machine('Machine.settings', { LAB_PORT_OFFSET: '99999' }), { status: 1, said: /LAB_PORT_OFFSET/ })
  t.match(machine('Machine.settings', { LAB_VM_DRIVER: 'xen' }), { status: 1, said: /auto, kvm, qemu/ })
  t.match(machine('Machine.settings', { LAB_ARCHITECTURE: 'riscv64' }), { status: 1, said: /amd64, arm64/ })
})

test('a port that something listens on is found before the machine boots', without('ruby'), async (t) => {
  const script = `
    listener = TCPServer.new('127.0.0.1', 0)
    free = TCPServer.new('127.0.0.1', 0).then { |server| server.addr[1].tap { server.close } }
    ports = [listener.addr[1], free].map { |host| Machine::Port.new(node: 'x', guest: 1, host: host) }
    puts Machine.taken(ports).map(&:host) == [listener.addr[1]]`
  t.equal(run('ruby', ['-r', './vm/machine.rb', '-e', script]).stdout, 'true\n')
})

test('what Git ignores stays out of the VM, and is not deleted in it', without('ruby'), async (t) => {
  const ignored = JSON.parse(machine('Machine.ignored').stdout)
  for (const folder of ['.git/', 'node_modules/', '.vagrant/', 'vm/build/', '.tap/']) t.ok(ignored.includes(folder))
})

test('the line that a host is told installs every package of the list', without('ruby'), async (t) => {
  const line = JSON.parse(machine('[Machine.install_line]').stdout)[0]
  t.match(line, /^sudo apt-get update && sudo apt-get install -y .*vagrant-libvirt.*mmdebstrap/)
  t.notMatch(line, '#')
})
