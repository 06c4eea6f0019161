import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'tap'
import { asRoot } from '../../../vm/box/as-root.ts'
import { PROXY_VARIABLES, proxySettings, withoutPasswords } from '../../../vm/network/proxy.ts'
import { emptyFolder, needs, ruby, run, vagrantfile } from './ruby.ts'

const PROXY = 'http://ann:s3cret@proxy.example:3128'

test('a proxy under either name is found under both, and never asked for a lab on this machine', async (t) => {
  for (const name of ['http_proxy', 'HTTP_PROXY'])
    t.strictSame(proxySettings({ [name]: PROXY, https_proxy: '' }, ['192.0.2.7', '']), {
      http_proxy: PROXY,
      HTTP_PROXY: PROXY,
      no_proxy: 'localhost,127.0.0.1,::1,192.0.2.7',
      NO_PROXY: 'localhost,127.0.0.1,::1,192.0.2.7',
    })
  const given = { HTTPS_PROXY: PROXY, no_proxy: '.example, localhost', no_grpc_proxy: 'x' }
  t.match(proxySettings(given), {
    https_proxy: PROXY,
    NO_PROXY: '.example,localhost,127.0.0.1,::1',
    no_grpc_proxy: /127/,
  })
  t.match(proxySettings({ grpc_proxy: PROXY }), { no_proxy: /127/ })
  t.strictSame(proxySettings({ no_proxy: 'x', http_proxy: '' }), {}, 'without a proxy nothing is set')
  const once = proxySettings(given)
  t.strictSame(proxySettings({ ...given, ...once }), once, 'doing it again changes nothing')
})

test('a shell script finds them as well, and names to sudo those that are set', async (t) => {
  const script = '. provisioning/proxy.sh; echo "$proxied"; env | grep -i _proxy= | sort'
  const sourced = (environment: Record<string, string>) => run('bash', ['-euc', script], environment).stdout
  t.equal(
    sourced({ HTTPS_PROXY: PROXY, no_proxy: 'a,b' }),
    `https_proxy,HTTPS_PROXY,no_proxy,NO_PROXY\nHTTPS_PROXY=${PROXY}\nNO_PROXY=a,b\nhttps_proxy=${PROXY}\nno_proxy=a,b\n`,
  )
  t.equal(sourced({}), '\n')
})

test('the arguments of sudo contain no value of a proxy, but its command gets the values', async (t) => {
  const environment = { PATH: '/bin', HOME: '/home/ann', LAB_BOX: 'a/b', ...proxySettings({ http_proxy: PROXY }) }
  const given = asRoot(environment, ['node', 'vm/box.ts'])
  t.notMatch(given.join(' '), 's3cret')
  t.match(given[0], /^--preserve-env=LAB_BOX,http_proxy,HTTP_PROXY,no_proxy,NO_PROXY$/)
  t.strictSame(given.slice(1), ['env', 'PATH=/bin', 'node', 'vm/box.ts'])
  t.strictSame(asRoot({ PATH: '/bin' }, ['it']), ['env', 'PATH=/bin', 'it'])
})

test('provisioning hands proxies to root by name', async (t) => {
  const bin = emptyFolder()
  const put = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/bash\n${text}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  // On a machine without packages, and without root: `sudo` shows what it is called with, and fails.
  put('sudo', 'printf "sudo %s\\n" "$*"; exit 1')
  put('dpkg-query', 'exit 1')
  put('docker', 'exit 1')
  put('id', 'echo 1000')
  const asUser = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : ['env']
  mkdirSync(join(bin, 'tmp'))
  chmodSync(join(bin, 'tmp'), 0o777)
  chmodSync(bin, 0o755)
  const [command = '', ...args] = [...asUser, 'bash', 'provisioning/provision.sh']
  const ran = spawnSync(command, args, {
    encoding: 'utf8',
    env: { PATH: `${bin}${delimiter}${process.env['PATH']}`, TMPDIR: join(bin, 'tmp'), HTTP_PROXY: PROXY },
  })
  t.match(ran.stdout, /^sudo --preserve-env=http_proxy,HTTP_PROXY bash provisioning\/install-packages /m, ran.stderr)
  t.notMatch(ran.stdout + ran.stderr, 's3cret')
})

test('an address is shown without its user and password', async (t) => {
  t.equal(
    withoutPasswords(`cannot reach ${PROXY}/x, nor http://b@c`),
    'cannot reach http://***@proxy.example:3128/x, nor http://***@c',
  )
  t.equal(withoutPasswords('http://proxy:3128/@x, ann@example.org'), 'http://proxy:3128/@x, ann@example.org')
})

test(
  "the VM gets the host's proxies, in a form that every file takes, and Vagrant is told what not to print",
  needs('ruby'),
  async (t) => {
    const environment = {
      HTTP_PROXY: `http://ann:pa$"'\`s@proxy:3128/`,
      https_proxy: PROXY,
      NO_PROXY: '.example,10.0.0.0/8',
    }
    const asked = vagrantfile(environment)
    const provision = asked.find(([where]) => where === 'vm.provision')
    t.strictSame(
      ruby('Proxy::NAMES').flatMap((name: string) => [name, name.toUpperCase()]),
      PROXY_VARIABLES,
    )
    t.match(provision?.[2], {
      env: {
        http_proxy: 'http://ann:pa%24%22%27%60s@proxy:3128/',
        https_proxy: PROXY,
        no_proxy: '.example,10.0.0.0/8',
      },
    })
    t.strictSame(asked.find(([where]) => where === 'vagrant.sensitive')?.[1], [['ann:pa%24%22%27%60s', 'ann:s3cret']])
    const without = vagrantfile().find(([where]) => where === 'vm.provision')
    t.match(without?.[2], { env: { http_proxy: '', https_proxy: '', no_proxy: '' } })
    t.equal(
      vagrantfile().find(([where]) => where === 'vagrant.sensitive'),
      undefined,
    )
  },
)

test("a proxy on the host's loopback is told from any other", needs('ruby'), async (t) => {
  const found = (address: string) => ruby(`[Proxy.on_loopback?({ 'http_proxy' => '${address}' })]`)[0]
  for (const address of ['http://127.0.0.1:3128', 'http://a:b@localhost:3128/', 'localhost:3128', 'http://[::1]:80'])
    t.equal(found(address), true, address)
  for (const address of ['http://proxy:3128', 'http://10.127.0.1', 'http://mylocalhost.example', ''])
    t.equal(found(address), false, address)
})

test('certificates come from the folder that is named, and one without any is refused', needs('ruby'), async (t) => {
  const folder = emptyFolder()
  const environment = { LAB_CERTIFICATES: folder }
  t.throws(() => ruby('[Machine.certificates]', environment), /LAB_CERTIFICATES is .*files named \*\.crt/)
  writeFileSync(join(folder, 'school.crt'), 'x')
  const carried = vagrantfile(environment).find(([where, [from]]) => where === 'vm.synced_folder' && from === folder)
  t.equal(carried?.[1][1], '/usr/local/share/ca-certificates/host')
})
