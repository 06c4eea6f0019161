// What `vagrant up` looks at before it builds or starts anything.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import { emptyFolder, needs, ruby } from './ruby.ts'

/** A host that lacks nothing, and what differs of it. */
const said = (differs: string): string | null =>
  ruby(
    `[Host.complaint(Host::Facts.new(**{ missing: [], libvirt: :answers, kvm: :works, free: {}, rootless: false, systemd: true }, ${differs}))]`,
  )[0]

test('each thing that a host lacks is named with the line that repairs it', needs('ruby'), async (t) => {
  const cases: readonly [string, RegExp | null][] = [
    ['missing: []', null],
    ["missing: ['npm', 'mmdebstrap']", /not installed: npm, mmdebstrap\n.*apt-get install .* npm mmdebstrap$/],
    ['libvirt: :absent', /does not run\n.*sudo systemctl enable --now libvirtd$/],
    ['libvirt: :absent, systemd: false', /does not run\n.*sudo vm\/prepare-host$/],
    ['libvirt: :denied', /let this user in\n.*usermod -aG libvirt \$USER/],
    ['libvirt: :silent', /gave no answer .* in \d+ s\n.*journalctl -u libvirtd/],
    ['kvm: nil', null],
    ['kvm: :hangs', /\/dev\/kvm exists but does not work.*\n.*LAB_VM_DRIVER=qemu vagrant up$/],
    ['kvm: :refused', /may not use \/dev\/kvm.*\n.*LAB_VM_DRIVER=qemu vagrant up$/],
    [
      "free: { '/x' => [900, 1000], '/y' => [1000, 1000], '/z' => [nil, 1] }",
      /900 MiB are free in \/x, but 1000 are needed\n.*$/,
    ],
    ['rootless: true', /needs root, but there is no sudo/],
  ]
  for (const [differs, expected] of cases)
    if (expected === null) t.equal(said(differs), null, differs)
    else t.match(said(differs), expected, differs)
  t.match(said("missing: ['npm'], libvirt: :denied, kvm: :hangs"), /✗.*✗.*✗/s, 'all of them at once')
})

test('a package counts as there by its command, by one of several, or by its file', needs('ruby'), async (t) => {
  const rows =
    "[['a', 'up', 'any', 'no-such|sh'], ['b', 'up', 'any', 'no-such'], ['c', 'up', 'any', '/no/such'], ['d', 'up', 'any', '/bin/sh'], ['e', 'up', 'any'], ['f', 'box', 'any', 'no-such']]"
  t.strictSame(ruby(`Host.missing(['up'], ${rows})`), ['b', 'c'])
  t.strictSame(ruby(`Host.missing(['box'], ${rows})`), ['f'])
})

test('libvirtd: not there, not running, not for this user, silent', needs('ruby'), async (t) => {
  const folder = emptyFolder()
  const [none, listening] = [join(folder, 'none'), join(folder, 'listening')]
  const server = createServer()
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen(listening, resolve))
  const state = (socket: string, virsh: string): string => {
    const bin = join(folder, 'bin')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'virsh'), `#!/bin/sh\n${virsh}\n`)
    chmodSync(join(bin, 'virsh'), 0o755)
    return ruby(`[Host.libvirt_state(['${socket}'])]`, { PATH: `${bin}:${process.env['PATH']}` })[0]
  }
  t.equal(state(none, 'echo yes'), 'absent')
  t.equal(state(listening, 'echo yes'), 'answers')
  t.equal(state(listening, 'exit 1'), 'silent')
})

test('disk space is asked for what will be made', needs('ruby'), async (t) => {
  const folders = (builds: boolean, creates: boolean): readonly string[] =>
    ruby(`Host.facts(Machine.settings, builds: ${builds}, creates: ${creates}, root: '/').free.keys`, {
      LAB_VM_DRIVER: 'qemu',
    })
  t.strictSame(folders(false, false), [])
  t.strictSame(folders(true, true), ['/var/lib/libvirt/images', '/'])
  t.ok(ruby("[Host.free('/')]")[0] > 0)
  t.equal(ruby("[Host.free('/no/such/folder')]")[0], null)
})

test(
  'the tiny guest ends if guests run; if it does not end, that is found in time',
  needs('qemu-system-x86_64'),
  async (t) => {
    t.strictSame(ruby("[Kvm.runs('amd64', accelerator: 'tcg', seconds: 30)]"), ['works'])
    t.strictSame(ruby("[Kvm.ended?(['sleep', '60'], 1), Kvm.ended?(['false'], 5)]"), [false, false])
    t.strictSame(ruby("[Kvm.runs('arm64', accelerator: 'tcg')]"), [null], 'of another processor nothing is said')
  },
)
