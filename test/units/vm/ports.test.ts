import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { type Test, test } from 'tap'
import { PORTS } from '../../../scripts/lab/settings.ts'
import { freePortOffset } from '../../../scripts/lab/topology/free-ports.ts'
import { emptyFolder, needs, ruby, run } from './ruby.ts'

/** Listens on a port until the test is over. */
const listen = (t: Test, host: string, port: number): Promise<void> =>
  new Promise((resolve) => {
    const server = createServer().listen({ port, host }, resolve)
    t.teardown(() => server.close())
  })

/** A lab of two nodes on those ports of the host, as Ruby has it. */
const settings = (ports: readonly number[], offset = 0): string =>
  `Machine::Settings.new(offset: ${offset}, ports: [${ports.map((port, index) => `Machine::Port.new(node: 'node-${index}', host: ${port})`)}])`
const complaint = (ports: readonly number[], offset?: number): string =>
  ruby(`[Ports.complaint(${settings(ports, offset)})]`)[0]

/** Two ports that are free, and free moved by 1000 and 2000 too. */
async function freePorts(): Promise<[number, number]> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const base = randomInt(10_000, 30_000)
    const needed = [base, base + 1000, base + 2000].flatMap((port) => [port, port + 1])
    if ((await Promise.all(needed.map(isFree))).every(Boolean)) return [base, base + 1]
  }
  throw new Error('no free ports in 100 tries')
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)))
  })

test('taken ports are named with their nodes and who holds them', needs('ruby'), async (t) => {
  const [one, other] = await freePorts()
  t.equal(complaint([one, other]), null)
  await listen(t, '127.0.0.1', one)
  await listen(t, '0.0.0.0', other)
  const said = complaint([one, other])
  for (const [node, port] of [one, other].entries())
    t.match(said, new RegExp(`127.0.0.1:${port} \\(node-${node}\\) is taken by .+ \\(pid ${process.pid}\\)`))
})

test('the offset that is proposed frees every port', needs('ruby'), async (t) => {
  const [one, other] = await freePorts()
  await listen(t, '127.0.0.1', one)
  t.match(complaint([one, other]), /: LAB_PORT_OFFSET=1000 vagrant up$/)
  await listen(t, '127.0.0.1', other + 1000)
  t.match(complaint([one, other]), /: LAB_PORT_OFFSET=2000 vagrant up$/)
  // Moved by 1000 already: the offset is not added to that again.
  t.match(complaint([one + 1000, other + 1000], 1000), /: LAB_PORT_OFFSET=2000 vagrant up$/)
})

test(
  'the output of each system about listeners is understood; from other output nothing is made up',
  needs('ruby'),
  async (t) => {
    const holder = (call: string) => ruby(`[Ports.${call}]`)[0]
    const text = (lines: readonly string[]) => JSON.stringify(lines.join('\n'))
    const ss = text([`LISTEN 0 244 127.0.0.1:5432 0.0.0.0:* users:(("postgres",pid=812,fd=6))`])
    t.equal(holder(`linux_process(5432, ${ss})`), 'postgres (pid 812)')
    t.equal(holder(`linux_process(5432, "LISTEN 0 244 127.0.0.1:5432 0.0.0.0:*")`), null, "another user's process")
    t.equal(holder(`unix_process(5432, ${text(['p812', 'cpostgres', 'f6', ''])})`), 'postgres (pid 812)')
    t.equal(holder(`unix_process(5432, '')`), null)
    const netstat = text([
      '  Proto  Lokale Adresse   Remoteadresse   Status      PID',
      '  TCP    127.0.0.1:54320  0.0.0.0:0       ABHÖREN     111',
      '  TCP    127.0.0.1:5432   127.0.0.1:50000 HERGESTELLT 222',
      '  TCP    0.0.0.0:5432     0.0.0.0:0       ABHÖREN     4711',
    ])
    const tasks = text(['"postgres.exe","4711","Services","0","20.116 K"'])
    t.equal(holder(`windows_process(5432, ${netstat}, ${tasks})`), 'postgres.exe (pid 4711)')
    t.equal(holder(`windows_process(5432, ${netstat}, '')`), 'a process (pid 4711)')
    t.equal(holder(`windows_process(80, ${netstat}, '')`), null)
  },
)

test('a command that is missing, fails or hangs has said nothing', needs('ruby'), async (t) => {
  t.strictSame(ruby(`[Ports.ask('no-such-command'), Ports.ask('false'), Ports.ask('echo', 'it')]`), ['', '', 'it\n'])
  const began = performance.now()
  t.equal(ruby(`[Ports.ask('sleep', '60')]`)[0], '')
  t.ok(performance.now() - began < 30_000)
})

test('`vagrant up` refuses a taken port before anything is made', needs('vagrant'), async (t) => {
  const offset = await freePortOffset()
  const port = (PORTS['loader'] ?? 0) + offset
  await listen(t, '127.0.0.1', port)
  // A provider that Vagrant always has; it would go on to ask for a box.
  const up = run('vagrant', ['up', '--provider=docker'], {
    LAB_PORT_OFFSET: String(offset),
    VAGRANT_DOTFILE_PATH: emptyFolder(),
  })
  t.not(up.status, 0)
  t.match(up.said, new RegExp(`127.0.0.1:${port} \\(loader\\) is taken by .+ \\(pid ${process.pid}\\)`))
  t.match(up.said, /LAB_PORT_OFFSET=\d+000 vagrant up/)
  t.notMatch(up.said, /Box '/)
})

// Only as much of a machine as is asked for here.
const MACHINE = `
  module Vagrant; module Errors; VagrantError = Class.new(StandardError) { def message = error_message }; end; end
  require './vm/host/before_up'
  require 'pathname'
  Ui = Struct.new(:said) { def success(text) = said << text; def warn(text) = said << text; def info(text) = said << text }
  State = Struct.new(:id)
  Env = Struct.new(:local_data_path)
  Fake = Struct.new(:state, :env, :ui, :provider_name, :box)
  machine = Fake.new(State.new(:poweroff), Env.new(Pathname(ARGV[0])), Ui.new([]), :virtualbox, :a_box)
  at = ->(offset) { Machine.settings({ 'LAB_PORT_OFFSET' => offset.to_s }) }
`

test(
  'at its end `vagrant up` says the ports with which the machine was started, whatever is set now',
  needs('ruby'),
  async (t) => {
    const first = await freePortOffset()
    const script = `${MACHINE}
    BeforeUp.up(machine, at[${first}])
    machine.state = State.new(:running)
    BeforeUp.say_endpoints(machine, at[${first}])
    BeforeUp.up(machine, at[0])
    BeforeUp.say_endpoints(machine, at[0])
    puts machine.ui.said`
    const { stdout, said } = run('ruby', ['-e', script, emptyFolder()])
    const loader = `loader      127.0.0.1:${8080 + first}\n`
    t.equal(stdout.split(loader).length, 3, said)
    t.match(stdout, new RegExp(`started with LAB_PORT_OFFSET=${first}.*: LAB_PORT_OFFSET=0 vagrant reload`))
  },
)

test('`vagrant reload` accepts its own ports, and checks those that it is to move to', needs('ruby'), async (t) => {
  const [first, second] = [await freePortOffset(), await freePortOffset()]
  await listen(t, '127.0.0.1', (PORTS['loader'] ?? 0) + second)
  const script = `${MACHINE}
    BeforeUp.up(machine, at[${first}])
    machine.state = State.new(:running)
    own = at[${first}].ports.map { |port| TCPServer.new('127.0.0.1', port.host) }
    BeforeUp.reload(machine, at[${first}])
    puts 'stays'
    BeforeUp.reload(machine, at[${second}])`
  const { stdout, said } = run('ruby', ['-e', script, emptyFolder()])
  t.equal(stdout, 'stays\n', said)
  t.match(said, new RegExp(`127.0.0.1:${8080 + second} \\(loader\\) is taken`))
})
