import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'tap'
import { PORTS } from '../../scripts/lab/settings.ts'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, failureOf, lab, patience, sql, startVerb, verb } from '../the-lab.ts'

const startTimes = () =>
  docker('inspect', '-f', '{{.Name}} {{.Id}} {{.State.StartedAt}}', ...lab.nodes.map(({ container }) => container))
const unchanged = Object.fromEntries(lab.nodes.map(({ name }) => [name, 'unchanged']))

test('setup run again changes nothing, and says so', async (t) => {
  const before = await startTimes()
  const ran = await verb('setup', ['--json'])
  t.equal(ran.exit, 0, failureOf(ran))
  t.strictSame(JSON.parse(ran.stdout).changes, unchanged)
  t.equal(await startTimes(), before)
})

test('setup starts what was stopped, thaws what was paused, remakes what was removed, and keeps the votes', async (t) => {
  const it = client(addressOf('loader'))
  t.teardown(() => it.close())
  const { uuid } = await ok(it.createPoll({ poll_questions: 'Kept?', options: ['yes', 'no'] }))
  await ok(it.castVote({ uuid, userID: 'ann', select_options: 'yes' }))
  await docker('stop', containerOf('db-primary'))
  await docker('pause', containerOf('backup'))
  await docker('rm', '-f', containerOf('loader'), containerOf('db-replica'))
  const ran = await verb('setup', ['--json'])
  t.equal(ran.exit, 0, failureOf(ran))
  t.match(JSON.parse(ran.stdout), {
    status: { healthy: true },
    changes: { 'db-primary': 'started', 'db-replica': 'made', primary: 'unchanged', backup: 'started', loader: 'made' },
  })
  t.match(await it.castVote({ uuid, userID: 'ann', select_options: 'yes' }), { ok: { status: 'duplicate_vote' } })
})

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`setup ended half-way by ${signal} leaves what the next setup repairs`, async (t) => {
    // Ended at three different points: when the first, third and last node are being made.
    for (const node of ['db-primary', 'primary', 'loader'] as const) {
      await docker('rm', '-f', ...lab.nodes.map(({ container }) => container))
      const { child, ended } = startVerb('setup')
      let printed = ''
      child.stderr.on('data', (chunk) => {
        printed += chunk
        // Once: the second Ctrl-C ends a verb on the spot.
        if (!child.killed && printed.includes(`docker create --name ${containerOf(node)} `)) child.kill(signal)
      })
      const ran = await ended
      if (signal === 'SIGINT') {
        t.equal(ran.exit, 130)
        t.match(ran.stderr, /INTERRUPTED/)
      }
      const again = await verb('setup', ['--json'])
      t.equal(again.exit, 0, failureOf(again))
      t.match(JSON.parse(again.stdout), { status: { healthy: true } }, `ended at ${node}`)
    }
  })
}

test('two setups at once: one does the work, the other says that it is busy', async (t) => {
  const first = startVerb('setup')
  const second = startVerb('setup')
  const both = await Promise.all([first.ended, second.ended])
  const refused = both.filter(({ exit }) => exit !== 0)
  // A fast first one may be done before the second begins: then both worked, one after the other.
  t.ok(refused.length <= 1, both.map(failureOf).join('\n'))
  for (const { stderr } of refused) t.match(stderr, /BUSY: another command is changing the lab/)
})

test('a port taken by a process is found before anything is made, with its holder and what to do', async (t) => {
  const port = lab.loader.publishedPort ?? 0
  await docker('rm', '-f', containerOf('loader'))
  const holder = createServer().listen(port, lab.settings.bind)
  t.teardown(() => holder.close())
  const ran = await verb('setup')
  t.equal(ran.exit, 1)
  t.match(ran.stderr, new RegExp(`PORT_TAKEN: loader needs port ${port} .*\\(pid ${process.pid}\\) has taken it`))
  const [, offset] = /→ .*LAB_PORT_OFFSET=(\d+)/.exec(ran.stderr) ?? []
  const free = Object.values(PORTS).map(async (it) => {
    const server = createServer().listen(it + Number(offset), lab.settings.bind)
    await once(server, 'listening')
    server.close()
  })
  await t.resolves(Promise.all(free), 'the offset that it proposes has every port free')
  t.equal(await docker('ps', '-aq', '--filter', `name=^${containerOf('loader')}$`), '', 'nothing was made')
  await new Promise((resolve) => holder.close(resolve))
  t.equal((await verb('setup')).exit, 0)
})

test('a container of somebody else is never touched', async (t) => {
  const name = containerOf('loader')
  await docker('rm', '-f', name)
  const image = await docker('inspect', '-f', '{{.Config.Image}}', containerOf('primary'))
  await docker('create', '--name', name, image)
  // The name that comes to mind first is taken, too.
  const second = `lab2-${process.pid}`
  await docker('create', '--name', second, image)
  t.teardown(async () => {
    await docker('rm', '-f', name, second)
    await verb('setup')
  })
  for (const verbName of ['setup', 'teardown', 'reset']) {
    const ran = await verb(verbName)
    t.equal(ran.exit, 1, verbName)
    t.match(ran.stderr, /NAME_TAKEN/, verbName)
    const [, other = '', offset] = /LAB_NAME=(\w+) LAB_PORT_OFFSET=(\d+)/.exec(ran.stderr) ?? []
    t.notOk(await docker('ps', '-aq', '--filter', `name=^${other}-`), `${other} is free`)
    for (const port of Object.values(PORTS)) {
      const server = createServer().listen(port + Number(offset), '0.0.0.0')
      await once(server, 'listening')
      server.close()
    }
  }
  t.equal(await docker('inspect', '-f', '{{.State.Status}}', name), 'created')
})

test('a network of somebody else is never touched; the commands that free its name do so, whoever is on it', async (t) => {
  const LAB_NAME = `net-${process.pid}`
  const network = `${LAB_NAME}-voting-net`
  const guest = `${LAB_NAME}-guest`
  const image = await docker('inspect', '-f', '{{.Config.Image}}', containerOf('primary'))
  await docker('network', 'create', network)
  t.teardown(async () => {
    await docker('rm', '-f', guest)
    await docker('network', 'rm', network).catch(() => {})
  })
  await docker('run', '-d', '--name', guest, '--network', network, image, 'sleep', '600')
  const ran = await verb('teardown', [], { LAB_NAME })
  t.match(ran, { exit: 1, stderr: /NAME_TAKEN/ })
  const commands = [...ran.stderr.matchAll(/`(docker [^`]+)`/g)].map(([, command]) => command ?? '')
  t.equal(commands.length, 2, ran.stderr)
  for (const command of commands) {
    const { status, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8' })
    t.equal(status, 0, `${command}: ${stderr}`)
  }
  t.equal(await docker('network', 'ls', '-q', '--filter', `name=^${network}$`), '')
})

test('an address that is not of this machine is refused before anything is made again', async (t) => {
  const before = await startTimes()
  for (const LAB_BIND of ['192.0.2.7', '224.0.0.1', '255.255.255.255', '::1', '[::]']) {
    const ran = await verb('setup', [], { LAB_BIND })
    t.match(ran, { exit: 1, stderr: /SETTING: LAB_BIND is .*\n.*→ .*address of this machine/ }, failureOf(ran))
  }
  t.equal(await startTimes(), before)
})

test('an impossible setting is named, with what it may be', async (t) => {
  const cases = {
    LAB_POSTGRES: '14',
    LAB_NAME: 'No Spaces',
    LAB_PORT_OFFSET: 'many',
    LAB_BIND: 'localhost',
    LAB_PATIENCE: '0',
  }
  for (const [setting, value] of Object.entries(cases)) {
    const ran = await verb('setup', [], { [setting]: value })
    t.equal(ran.exit, 1)
    t.match(ran.stderr, new RegExp(`SETTING: ${setting} is "${value}"`))
  }
})

test('another PostgreSQL version than the data was made with is refused, and the data stays', async (t) => {
  const other = lab.settings.postgres === '17' ? '15' : '17'
  const ran = await verb('setup', [], { LAB_POSTGRES: other })
  t.equal(ran.exit, 1)
  t.match(ran.stderr, /POSTGRES_CHANGED/)
  t.equal(await sql('db-primary', 'select 1'), '1')
})

test('an engine that cannot be reached is an error with what to do', async (t) => {
  const ran = await verb('setup', [], { DOCKER_HOST: 'unix:///nonexistent/docker.sock' })
  t.equal(ran.exit, 1)
  t.match(ran.stderr, /ENGINE_DOWN.*\n.*provision\.sh/)
})

test('a crashed database comes back by itself, and the standby streams again', async (t) => {
  const pid = await docker('inspect', '-f', '{{.State.Pid}}', containerOf('db-primary'))
  process.kill(Number(pid), 'SIGKILL')
  await until('five healthy nodes', { seconds: 30, patience }, async () => {
    const ran = await verb('status')
    return ran.exit === 0 ? { done: undefined } : { seen: ran.stdout }
  })
  t.equal(await sql('db-primary', "select active from pg_replication_slots where slot_name = 'db_replica'"), 't')
})
