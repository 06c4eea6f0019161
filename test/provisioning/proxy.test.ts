import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { bootstrap } from '../../scripts/lab/docker/base-image.ts'
import { attempt } from '../../scripts/lab/docker/command.ts'
import { faultsImage, type Image, makeImage } from '../../scripts/lab/docker/images.ts'
import { LabError } from '../../scripts/lab/errors.ts'
import { PROXY_VARIABLES, proxySettings } from '../../vm/network/proxy.ts'
import { PASSWORD, startProxy } from '../proxy.ts'
import { containerOf, docker, failureOf, lab, patience, verb } from '../the-lab.ts'

/** Nobody listens there. */
const DEAD = `http://ann:${PASSWORD}@127.0.0.1:1`

/** Lets this process have a proxy until the test is over, as a verb would find it. */
function withProxy(t: Test, url: string): void {
  Object.assign(process.env, proxySettings({ http_proxy: url, https_proxy: url }))
  t.teardown(() => {
    for (const name of PROXY_VARIABLES) delete process.env[name]
  })
}

/** An image that no build was made for before, so that none of its steps can come from the engine's memory. */
async function newImage(t: Test): Promise<Image> {
  const unique = randomBytes(4).toString('hex')
  const image = await faultsImage({ ...lab.settings, images: `proxy-${unique}` })
  const base = image.build?.base.tag ?? ''
  const [present = ''] = (await docker('image', 'ls', '-q', 'failover-lab/base:trixie')).split('\n')
  const made = await attempt(['build', '-q', '-t', base, '-'], `FROM ${present}\nLABEL proxy-test=${unique}\n`)
  t.equal(made.exit, 0, made.stderr)
  t.teardown(async () => {
    for (const tag of [image.tag, base, `${image.tag}-base`]) await attempt(['image', 'rm', tag])
  })
  return image
}

test('an image is built through the proxy, which leaves no trace in it nor on the screen', async (t) => {
  const image = await newImage(t)
  const proxy = await startProxy(t)
  withProxy(t, proxy.url)
  const told: string[] = []
  await makeImage((line) => told.push(line), image, patience)
  t.ok(
    proxy.asked.some((line) => /^GET http:.*\/Packages|^GET http:.*InRelease/.test(line)),
    'package lists',
  )
  t.ok(
    proxy.asked.some((line) => /^GET http:.*iptables_.*\.deb$/.test(line)),
    'packages',
  )
  t.match(told.join('\n'), /docker build .* --build-arg http_proxy /)
  const [history, inspected] = [
    await docker('history', '--no-trunc', image.tag),
    await docker('image', 'inspect', image.tag),
  ]
  for (const [where, text] of Object.entries({ told: told.join('\n'), history, inspected })) {
    t.notMatch(text, PASSWORD, where)
    if (where !== 'told') t.notMatch(text, /_proxy/i, where)
  }
  const inside = await docker(
    'run',
    '--rm',
    '--network',
    'none',
    image.tag,
    'bash',
    '-c',
    'env; grep -rs ann: /etc || true',
  )
  t.notMatch(inside, /proxy|ann:/i, 'nor in what runs from it')
  const again = await faultsImage({ ...lab.settings, images: image.tag.split('/')[0] ?? '' })
  t.equal(again.tag, image.tag, 'it is the image that it was without a proxy')
})

test('a build has no way around its proxy, and says nothing of the password when it fails', async (t) => {
  const image = await newImage(t)
  withProxy(t, DEAD)
  const error = await makeImage(() => {}, image, patience).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  t.match(error, { code: 'BUILD_FAILED' })
  if (error instanceof LabError) t.notMatch(`${error.message}${error.details}`, PASSWORD)
  const reason = await bootstrap(() => {}, 'trixie', `${image.tag}-base`)
  t.match(reason, /\S/, 'a base image neither')
  t.notMatch(reason, PASSWORD)
})

test('a lab that has its images needs no proxy, and is never called through one', async (t) => {
  const names = [...PROXY_VARIABLES, 'grpc_proxy']
  const dead = {
    ...Object.fromEntries(names.map((name) => [name, /^no_/i.test(name) ? 'example.org' : DEAD])),
    // Node's own clients, which ask the engine, then use the proxies too.
    NODE_USE_ENV_PROXY: '1',
  }
  await docker('rm', '-f', containerOf('loader'))
  const setup = await verb('setup', ['--json'], dead)
  t.equal(setup.exit, 0, failureOf(setup))
  t.match(JSON.parse(setup.stdout), { status: { healthy: true }, changes: { loader: 'made' } })
  const status = await verb('status', ['--json'], dead)
  t.match(JSON.parse(status.stdout), { healthy: true })
  const created = await verb('poll', ['create', 'Through a proxy?', 'yes', 'no'], dead)
  t.equal(created.exit, 0, failureOf(created))
  const voted = await verb('poll', ['vote', created.stdout.trim(), 'no', '--user', 'ann'], dead)
  t.match(voted.stdout, /Vote Successfully!/)
  for (const { container } of lab.nodes) t.notMatch(await docker('inspect', container), /_proxy/i)
})

/** Debian with the script that the VM runs; gives how to run that with proxies, and how to look at what it wrote. */
async function machine(t: Test) {
  const { tag } = await faultsImage(lab.settings)
  const id = await docker('run', '--detach', '--rm', tag, 'sleep', 'infinity')
  t.teardown(() => docker('kill', id))
  const shell = (command: string, input?: Buffer) => attempt(['exec', '-i', id, 'bash', '-c', command], input)
  const script = await readFile(join(import.meta.dirname, '../../vm/guest/proxy.sh'))
  await shell('groupadd vagrant; mkdir -p /etc/sudoers.d; cat > /proxy.sh', script)
  const given = (proxies: Readonly<Record<string, string>>) => {
    const environment = Object.entries(proxies).flatMap(([name, value]) => ['--env', `${name}=${value}`])
    return attempt(['exec', ...environment, id, 'bash', '/proxy.sh'])
  }
  const gateway = await docker('inspect', '-f', '{{.NetworkSettings.Gateway}}', id)
  return { shell, given, gateway }
}

test("the VM knows the host's proxies, in its files for logins, sudo and the engine, and forgets them again", async (t) => {
  const { shell, given } = await machine(t)
  const proxy = `http://ann:${PASSWORD}@proxy.example:3128`
  t.match(await given({ http_proxy: proxy, https_proxy: '', no_proxy: '.example' }), {
    exit: 0,
    stdout: '',
    stderr: '',
  })
  const sourced = await shell('set -a; . /etc/failover-lab/proxy.env; env | grep -i _proxy | sort')
  const expected = proxySettings({ http_proxy: proxy, no_proxy: '.example' })
  t.strictSame(Object.fromEntries(sourced.stdout.split('\n').map((line) => line.split('='))), expected)
  const files = '/etc/failover-lab/proxy.env /etc/sudoers.d/* /etc/systemd/system/docker.service.d/*'
  t.equal(
    (await shell(`stat -c %a%G ${files}`)).stdout,
    '640vagrant\n440root\n644root',
    'a password is not for everybody',
  )
  t.match(
    (await shell('cat /etc/systemd/system/docker.service.d/*')).stdout,
    'EnvironmentFile=-/etc/failover-lab/proxy.env',
  )
  t.match(await given({}), { exit: 0, stdout: '' })
  t.equal((await shell(`ls ${files} 2>/dev/null`)).stdout, '')
})

test("a proxy on the host's loopback is found where the VM sees the host, or left out with a word on what to do", async (t) => {
  const { shell, given, gateway } = await machine(t)
  const proxy = await startProxy(t, gateway)
  const { port } = new URL(proxy.url)
  for (const loopback of ['127.0.0.1', 'localhost', '[::1]']) {
    t.match(await given({ http_proxy: `http://ann:x@${loopback}:${port}/` }), { exit: 0, stdout: '' })
    const found = await shell('. /etc/failover-lab/proxy.env; echo $http_proxy')
    t.equal(found.stdout, `http://ann:x@${gateway}:${port}/`, loopback)
  }
  const closed = await given({
    http_proxy: `http://ann:${PASSWORD}@127.0.0.1:1`,
    https_proxy: 'http://proxy.example:3128',
  })
  t.match(closed, { exit: 0, stdout: new RegExp(`http_proxy is on the loopback .*${gateway}(.|\n)*vagrant reload`) })
  t.notMatch(closed.stdout, PASSWORD)
  const kept = (await shell('cat /etc/failover-lab/proxy.env')).stdout
  t.match(kept, "https_proxy='http://proxy.example:3128'")
  t.notMatch(kept, /^http_proxy/m)
})
