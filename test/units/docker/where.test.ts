import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { chosenEngine, engineEnvironment, socketOf } from '../../../scripts/lab/docker/where.ts'

const scratch = mkdtempSync(join(tmpdir(), 'docker config '))
const bare = { PATH: process.env['PATH'], HOME: '/nonexistent', DOCKER_CONFIG: scratch }
const docker = (environment: NodeJS.ProcessEnv, ...args: readonly string[]) =>
  execFileSync('docker', args, { env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
for (const [name, host] of [
  ['rootless', 'unix:///run/user/1000/docker.sock'],
  ['far', 'tcp://192.0.2.1:2376'],
  ['shell', 'ssh://me@192.0.2.1'],
])
  docker(bare, 'context', 'create', `${name}`, '--docker', `host=${host}`)

test('we ask the engine that the docker command asks, however it was chosen', async (t) => {
  t.teardown(() => rmSync(scratch, { recursive: true }))
  const environments: NodeJS.ProcessEnv[] = [
    {},
    { DOCKER_CONTEXT: 'rootless' },
    { DOCKER_CONTEXT: 'far' },
    { DOCKER_CONTEXT: 'default' },
    { DOCKER_CONTEXT: '' },
    { DOCKER_HOST: 'unix:///some where/docker.sock' },
    { DOCKER_HOST: 'tcp://127.0.0.1:2375' },
    { DOCKER_HOST: 'unix:///x.sock', DOCKER_CONTEXT: 'far' },
  ]
  for (const current of ['', 'default', 'rootless', 'far']) {
    writeFileSync(join(scratch, 'config.json'), JSON.stringify(current === '' ? {} : { currentContext: current }))
    for (const given of environments) {
      const environment = { ...bare, ...given }
      const asked = docker(environment, 'context', 'inspect', '-f', '{{.Endpoints.docker.Host}}')
      t.equal(chosenEngine(environment).host, asked, JSON.stringify({ current, given }))
    }
  }
  writeFileSync(join(scratch, 'config.json'), 'not JSON')
  t.equal(chosenEngine(bare).host, 'unix:///var/run/docker.sock')
})

test('docker commands get our engine, and no variable that would choose another', async (t) => {
  const odd = {
    DOCKER_TLS_VERIFY: '1',
    DOCKER_TLS: '1',
    DOCKER_CONTEXT: 'far',
    DOCKER_HOST: 'unix:///var/run/docker.sock/',
  }
  const given = engineEnvironment({ ...bare, ...odd })
  t.match(given, { DOCKER_HOST: 'unix:///var/run/docker.sock', PATH: bare.PATH })
  t.notMatch(Object.keys(given).join(), /DOCKER_(CONTEXT|TLS)/)
  t.equal(socketOf({ ...bare, DOCKER_HOST: 'unix://' }), '/var/run/docker.sock')
})

test('an engine of another machine is refused; the fix fits the way in which it was chosen', async (t) => {
  const remote: [NodeJS.ProcessEnv, RegExp, string][] = [
    [{ DOCKER_HOST: 'ssh://me@far' }, /DOCKER_HOST chooses a Docker engine at ssh:/, 'unset DOCKER_HOST'],
    [{ DOCKER_HOST: 'npipe:////./pipe/docker_engine' }, /npipe:/, 'unset DOCKER_HOST'],
    [{ DOCKER_HOST: 'localhost:2375' }, /localhost:2375/, 'unset DOCKER_HOST'],
  ]
  for (const [given, message, fix] of remote)
    t.throws(() => socketOf({ ...bare, ...given }), { code: 'ENGINE_REMOTE', message, fix })
  const missing = { ...bare, DOCKER_CONTEXT: 'nowhere' }
  t.throws(() => socketOf(missing), { code: 'ENGINE_CONTEXT', message: /context nowhere/, fix: /unset DOCKER_CONTEXT/ })
})
