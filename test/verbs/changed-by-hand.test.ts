// What the random walk (explore/walk) meets by chance, held one by one.
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'tap'
import { environment } from '../../scripts/lab/docker/shell.ts'
import { until } from '../../scripts/lab/wait.ts'
import { type Answer, type Client, client, ok } from '../grpc.ts'
import {
  addressOf,
  changesOf,
  containerOf,
  docker,
  failureOf,
  lab,
  patience,
  sql,
  startVerb,
  statusText,
  verb,
} from '../the-lab.ts'

test('a node off its network stops no look at faults, and a reset says so before it stops anything', async (t) => {
  t.teardown(() => verb('setup'))
  const started = () => docker('inspect', '-f', '{{.State.StartedAt}}', ...lab.nodes.map(({ container }) => container))
  await docker('network', 'disconnect', lab.network, containerOf('db-replica'))
  const before = await started()
  for (const args of [['list'], ['heal']]) {
    const ran = await verb('fault', args)
    t.equal(ran.exit, 0, failureOf(ran))
  }
  t.match((await verb('reset')).stderr, /NODE_CHANGED: db-replica .*not on the network.*\n.*setup\.ts repairs it/)
  t.equal(await started(), before, 'all nodes go on')
})

test('status names the verbs that bring a dead primary back, or replace it', async (t) => {
  t.teardown(() => verb('setup'))
  await docker('kill', containerOf('db-primary'))
  t.match(
    await statusText(),
    /db-primary: its container is exited; zx scripts\/setup\.ts brings it up, or zx scripts\/failover\.ts makes db-replica the primary/,
  )
  await docker('stop', containerOf('backup'))
  t.match(await statusText(), /backup: its container is exited; zx scripts\/setup\.ts brings it up/)
})

test('status says that no vote gets through although there is a primary', async (t) => {
  t.teardown(async () => {
    await sql('db-primary', 'alter system reset default_transaction_read_only')
    await sql('db-primary', 'select pg_reload_conf()')
  })
  await sql('db-primary', 'alter system set default_transaction_read_only = on')
  await sql('db-primary', 'select pg_reload_conf()')
  await until('status to see that', { seconds: 20, patience }, async () => {
    const said = (await statusText()).trim().split('\n').at(-1) ?? ''
    return /db-primary is the primary, but no vote gets through/.test(said) ? { done: undefined } : { seen: said }
  })
})

test('no call is lost on connections that the balancer kept to a server that lost its network', async (t) => {
  t.teardown(() => verb('setup'))
  /** Over a connection of its own, and without a second try. */
  const called = async <T>(call: (it: Client) => Promise<Answer<T>>): Promise<T> => {
    const it = client(addressOf('loader'))
    return ok(call(it)).finally(it.close)
  }
  const { uuid } = await called((it) => it.createPoll({ poll_questions: 'Kept?', options: ['a', 'b'] }))
  const vote = (user: string) =>
    called((it) => it.castVote({ uuid, userID: user, select_options: 'a' })).then(({ status }) => status)
  // As many at once, so that the balancer opens a connection for each, and keeps it.
  await Promise.all(Array.from({ length: 50 }, (_, index) => vote(`before ${index}`)))
  const name = containerOf('primary')
  await docker('network', 'disconnect', lab.network, name)
  // It gets another address.
  await docker('network', 'connect', lab.network, name)
  t.match(await changesOf(), { primary: 'made' })
  for (let index = 0; index < 60; index++) t.equal(await vote(`after ${index}`), 'Vote Successfully!')
})

test('a renamed node that the engine starts again and again gets its name back', async (t) => {
  const name = containerOf('db-replica')
  const setting = '$PGDATA/postgresql.auto.conf'
  t.teardown(async () => {
    await docker(
      'run',
      '--rm',
      '--volumes-from',
      name,
      await docker('inspect', '-f', '{{.Image}}', name),
      'sed',
      '-i',
      '/shared_buffers/d',
      '/var/lib/postgresql/data/postgresql.auto.conf',
    )
    await verb('setup')
  })
  await docker('exec', name, 'bash', '-c', `echo "shared_buffers = '100GB'" >> ${setting}`)
  await docker('rename', name, `${name}-old`)
  await docker('restart', '-t', '5', `${name}-old`)
  await until('the engine to start it again and again', { seconds: 20, patience }, async () => {
    const state = await docker('inspect', '-f', '{{.State.Status}} {{.RestartCount}}', `${name}-old`)
    return /^restarting [3-9]/.test(state) ? { done: undefined } : { seen: state }
  })
  const said = await verb('setup')
  t.match(said.stderr, /SETTING_HINDERS: db-replica cannot work with the setting shared_buffers/)
  t.equal(await docker('inspect', '-f', '{{.Name}}', name), `/${name}`)
})

test('nodes that were taken off their network, renamed, limited or put on another network are named and repaired', async (t) => {
  const elsewhere = `${lab.network}-elsewhere`
  await docker('network', 'create', elsewhere)
  t.teardown(() => docker('network', 'rm', elsewhere))
  await docker('network', 'disconnect', lab.network, containerOf('loader'))
  await docker('network', 'connect', elsewhere, containerOf('backup'))
  await docker('update', '--restart=no', '--memory=300m', '--memory-swap=300m', containerOf('primary'))
  await docker('rename', containerOf('db-replica'), `${containerOf('db-replica')}-old`)
  const before = await docker('inspect', '-f', '{{.Id}}', `${containerOf('db-replica')}-old`)

  const told = await statusText()
  t.match(told, `loader: it is not on the network ${lab.network}`)
  t.match(told, `backup: it is also on the network ${elsewhere}`)
  t.match(
    told,
    'primary: its restart policy is no instead of unless-stopped; its memory is limited to 300 MiB instead of 384 MiB',
  )
  t.match(told, `db-replica: its container was renamed to ${containerOf('db-replica')}-old`)
  t.match(told, /changed by hand: db-replica, primary, backup, loader; zx scripts\/setup\.ts repairs it/)

  t.match(await changesOf(), { 'db-replica': 'unchanged', primary: 'repaired', backup: 'repaired', loader: 'made' })
  t.equal(await docker('inspect', '-f', '{{.Id}}', containerOf('db-replica')), before, 'it got its name back')
  t.notMatch(await statusText(), 'changed by hand')
})

test('a setting that keeps a database from starting or being reached is named, with the command that removes it', async (t) => {
  t.teardown(async () => {
    const ran = await verb('setup')
    if (ran.exit !== 0) throw new Error(failureOf(ran))
  })
  for (const [setting, said] of [
    [
      'ssl = on',
      /SETTING_HINDERS: db-primary cannot work with the setting ssl = 'on': FATAL: +could not load server certificate/,
    ],
    ["port = '5433'", /SETTING_HINDERS: db-primary cannot work with the setting port = '5433': /],
  ] as const) {
    await sql('db-primary', `alter system set ${setting}`)
    await docker('restart', '-t', '5', containerOf('db-primary'))
    const ran = await verb('setup')
    t.equal(ran.exit, 1, setting)
    t.match(ran.stderr, said)
    t.notMatch(ran.stderr, /reset\.ts|LAB_PATIENCE/)
    for (const [, command = ''] of ran.stderr.matchAll(/`(docker [^`]+)`/g)) shell(command)
    t.match(await changesOf(), { 'db-replica': 'unchanged' }, `${setting} was taken back`)
  }
})

test('a node that ends while reset waits for it is named at once, and nobody advises patience', async (t) => {
  const { child, ended } = startVerb('reset')
  let printed = ''
  child.stderr.on('data', (chunk) => {
    printed += chunk
  })
  await until('reset to wait', { seconds: 30, patience }, async () =>
    printed.includes('Wait until all nodes are healthy') ? { done: undefined } : { seen: printed },
  )
  await docker('kill', containerOf('db-primary'))
  const killed = performance.now()
  const ran = await ended
  t.equal(ran.exit, 1)
  t.match(ran.stderr, /NODE_DOWN: this waits for db-primary, but its container is exited\n.*setup\.ts brings it up/)
  t.ok(performance.now() - killed < 15_000 * patience, `${Math.round(performance.now() - killed)} ms later`)
  const whole = await verb('setup')
  t.equal(whole.exit, 0, failureOf(whole))
})

function shell(command: string): void {
  const done = spawnSync('bash', ['-c', command], { encoding: 'utf8', env: environment() })
  if (done.status !== 0) throw new Error(`${command}: ${done.stderr}`)
}

test('if the engine cannot start a container, the reason is shown, and setup says what repairs it', async (t) => {
  await docker('stop', containerOf('loader'))
  const [, port = ''] = addressOf('loader').split(':')
  const holder = createServer().listen(Number(port), lab.settings.bind)
  await once(holder, 'listening')
  t.teardown(async () => {
    await new Promise((resolve) => holder.close(resolve))
    const ran = await verb('setup')
    if (ran.exit !== 0) throw new Error(failureOf(ran))
  })
  const ran = await verb('fault', ['heal', 'stop', 'loader'])
  t.match(
    ran.stderr,
    new RegExp(`NOT_STARTED: the engine cannot start ${containerOf('loader')}: .*\n  → zx scripts/setup.ts`),
  )
  t.match((await verb('setup')).stderr, new RegExp(`PORT_TAKEN: loader needs port ${port} .*\n  → `))
})
