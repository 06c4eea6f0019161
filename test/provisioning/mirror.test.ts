// A Debian mirror of one's own: images and the machine's packages come from it.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { attempt } from '../../scripts/lab/docker/command.ts'
import { faultsImage, makeImage } from '../../scripts/lab/docker/images.ts'
import { docker, lab, patience } from '../the-lab.ts'

const PASSWORD = 's3cret'

/** A mirror that passes on to Debian's archive, wherever this machine's packages come from; and what it was asked for. */
async function mirror(t: Test): Promise<{ readonly url: string; readonly asked: readonly string[] }> {
  const { stdout } = await attempt([
    'run',
    '--rm',
    'failover-lab/base:trixie',
    'sh',
    '-c',
    'cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null',
  ])
  const archive = /http:\/\/[^\s/]+(?=\/debian\b)/.exec(stdout)?.[0]
  if (archive === undefined) throw new Error(`no archive in ${stdout}`)
  const asked: string[] = []
  const server = createServer(async ({ url = '', headers }, outgoing) => {
    asked.push(url)
    if (headers.authorization !== `Basic ${btoa(`ann:${PASSWORD}`)}`) return void outgoing.writeHead(401).end()
    try {
      const found = await fetch(`${archive}${url}`, { signal: AbortSignal.timeout(60_000) })
      outgoing.writeHead(found.status).end(Buffer.from(await found.arrayBuffer()))
    } catch {
      outgoing.writeHead(502).end()
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://ann:${PASSWORD}@127.0.0.1:${(server.address() as AddressInfo).port}/debian`, asked }
}

/** An image that no build was made for before. */
async function newImage(t: Test) {
  const unique = randomBytes(4).toString('hex')
  const image = await faultsImage({ ...lab.settings, images: `mirror-${unique}` })
  const base = image.build?.base.tag ?? ''
  const made = await attempt(
    ['build', '-q', '-t', base, '-'],
    `FROM failover-lab/base:trixie\nLABEL mirror-test=${unique}\n`,
  )
  t.equal(made.exit, 0, made.stderr)
  t.teardown(async () => {
    for (const tag of [image.tag, base]) await attempt(['image', 'rm', tag])
  })
  return image
}

test('an image is built from the mirror, whose address is nowhere in it', async (t) => {
  const image = await newImage(t)
  const { url, asked } = await mirror(t)
  const told: string[] = []
  await makeImage((line) => told.push(line), image, patience, url)
  t.ok(
    asked.some((path) => /^\/debian\/dists\/trixie\//.test(path)),
    `package lists: ${asked.slice(0, 5)}`,
  )
  t.ok(
    asked.some((path) => /iptables_.*\.deb$/.test(path)),
    'packages',
  )
  const seen = [
    told.join('\n'),
    await docker('history', '--no-trunc', image.tag),
    await docker('image', 'inspect', image.tag),
  ]
  for (const text of seen) t.notMatch(text, new RegExp(`${PASSWORD}|127\\.0\\.0\\.1`))
})

test('a mirror that does not answer is named with what was asked of it', async (t) => {
  const image = await newImage(t)
  const dead = `http://ann:${PASSWORD}@127.0.0.1:1/debian`
  await t.rejects(
    makeImage(() => {}, image, patience, dead),
    {
      code: 'MIRROR',
      message:
        /gave no answer to GET http:\/\/\*\*\*@127\.0\.0\.1:1\/debian(-security)?\/dists\/trixie.*: .*ECONNREFUSED/,
    },
  )
})

test("the machine's own packages come from it too, and its sources stay as they are", async (t) => {
  const { url, asked } = await mirror(t)
  const folder = join(import.meta.dirname, '../../provisioning')
  const install = (address: string) =>
    attempt([
      'run',
      '--rm',
      '--network',
      'host',
      '-v',
      `${folder}:/p:ro`,
      '-e',
      `LAB_MIRROR=${address}`,
      'failover-lab/base:trixie',
      'bash',
      '-c',
      'before=$(cat /etc/apt/sources.list* /etc/apt/sources.list.d/* 2>/dev/null); /p/install-packages hello && hello && [ "$before" = "$(cat /etc/apt/sources.list* /etc/apt/sources.list.d/* 2>/dev/null)" ]',
    ])
  const installed = await install(url)
  t.match(installed, { exit: 0, stdout: /Hello, world/ }, installed.stderr)
  t.ok(asked.some((path) => /hello_.*\.deb$/.test(path)))
  const dead = await install(`http://ann:${PASSWORD}@127.0.0.1:1/debian`)
  t.match(dead, { exit: 1, stderr: /mirror in LAB_MIRROR did not answer.*127\.0\.0\.1:1\/debian/s })
  t.notMatch(dead.stderr, PASSWORD)
})
