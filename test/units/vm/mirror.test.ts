import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type Test, test } from 'tap'
import { readSettings } from '../../../scripts/lab/settings.ts'
import { boxSettings } from '../../../vm/box/settings.ts'
import { inMirror } from '../../../vm/network/mirror.ts'
import { startRelay } from '../../../vm/network/relay.ts'

/** A web server with these files; gives its address, and fills `asked`. */
async function serve(t: Test, files: Readonly<Record<string, string>>, asked: string[] = []): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    asked.push(`${incoming.headers.authorization ?? '-'} ${incoming.url}`)
    const found = files[incoming.url ?? '']
    outgoing.writeHead(found === undefined ? 404 : 200).end(found)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Asks a proxy for an address, as apt does. */
async function through(proxy: string, url: string): Promise<{ status: number | undefined; body: string }> {
  const asking = request(proxy, { path: url, headers: { host: new URL(url).host } }).end()
  const [answer] = await once(asking, 'response')
  return { status: answer.statusCode, body: await text(answer) }
}

const ASKED = 'http://archive.example/debian/dists/trixie/InRelease'
const SECURITY = 'http://security.example/debian-security/dists/trixie-security/InRelease'

test('the address at a mirror for an address of the archive', async (t) => {
  const at = (mirror: string, asked: string) => inMirror(mirror, asked)?.href
  t.equal(at('http://m/debian', ASKED), 'http://m/debian/dists/trixie/InRelease')
  t.equal(at('https://u:p@m/pub/debian/', ASKED), 'https://u:p@m/pub/debian/dists/trixie/InRelease')
  t.equal(at('http://m/debian', SECURITY), 'http://m/debian-security/dists/trixie-security/InRelease')
  const dated = 'http://m/archive/debian/20261123T000000Z'
  t.equal(at(dated, SECURITY), 'http://m/archive/debian-security/20261123T000000Z/dists/trixie-security/InRelease')
  t.equal(at('http://m/mirrored', SECURITY), undefined, 'a mirror that has no place for it')
  t.equal(at('http://m/debian', 'http://other/file'), undefined)
})

test('apt gets what the mirror has, and the rest from the usual address', async (t) => {
  const asked: string[] = []
  const mirror = await serve(t, { '/debian/dists/trixie/InRelease': 'of the mirror' }, asked)
  const archive = await serve(t, { '/debian/pool/a.deb': 'of the archive' })
  await using relay = await startRelay(`http://ann:s3cret@${mirror}/debian`, {})
  const { http_proxy: proxy } = relay.environment
  t.strictSame(await through(proxy, ASKED), { status: 200, body: 'of the mirror' })
  t.match(asked[0], /^Basic .* \/debian\/dists\/trixie\/InRelease$/, 'with user and password')
  t.strictSame(await through(proxy, `http://${archive}/debian/pool/a.deb`), { status: 200, body: 'of the archive' })
  t.equal((await through(proxy, `http://${archive}/debian/pool/none.deb`)).status, 404)
  t.equal(relay.unanswered(), undefined)
})

test('if a mirror does not answer, the request is named, without its password', async (t) => {
  await using relay = await startRelay('http://ann:s3cret@127.0.0.1:1/debian', {})
  t.equal((await through(relay.environment.http_proxy, ASKED)).status, 502)
  t.match(relay.unanswered(), {
    asked: 'GET http://***@127.0.0.1:1/debian/dists/trixie/InRelease',
    problem: /ECONNREFUSED/,
  })
})

test('a text that is not an address is refused with an example, and its password is not shown', async (t) => {
  const LAB_MIRROR = 'ftp://ann:s3cret@mirror/debian'
  for (const read of [() => readSettings({ LAB_MIRROR }), () => boxSettings({ LAB_MIRROR })]) {
    let thrown: unknown
    try {
      read()
    } catch (error) {
      thrown = error
    }
    t.match(thrown, { message: /LAB_MIRROR/, fix: /http or https address of a Debian mirror/ })
    t.notMatch(String(thrown), 's3cret')
  }
  t.equal(readSettings({ LAB_MIRROR: 'https://m/debian' }).mirror, 'https://m/debian')
})
