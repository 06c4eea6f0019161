import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { inMirror } from './mirror.ts'
import { withoutPasswords } from './proxy.ts'

/** A proxy on this machine's loopback: if apt asks it for a file of Debian's archive, it asks a mirror instead. */
export type Relay = AsyncDisposable & {
  /** What apt needs in its environment. */
  readonly environment: Readonly<Record<'http_proxy' | 'HTTP_PROXY', string>>
  /** The first request that the mirror did not answer, and why; without a password. */
  readonly unanswered: () => { readonly asked: string; readonly problem: string } | undefined
}

/**
 * Starts a relay. Builds reach the mirror through it, so their images contain neither its address nor its password. For a
 * mirror with https they need no certificates either. If the mirror lacks a file (404), it comes from the usual address.
 */
export async function startRelay(mirror: string, environment: NodeJS.ProcessEnv = process.env): Promise<Relay> {
  const agents = {
    'http:': new http.Agent({ proxyEnv: environment }),
    'https:': new https.Agent({ proxyEnv: environment }),
  }
  let unanswered: ReturnType<Relay['unanswered']>

  function ask(target: URL, incoming: http.IncomingMessage): Promise<http.IncomingMessage> {
    const { 'proxy-connection': _, host: __, ...headers } = incoming.headers
    const secure = target.protocol === 'https:'
    const request = (secure ? https : http).request(target, {
      method: incoming.method,
      headers: { ...headers, connection: 'close' },
      agent: agents[secure ? 'https:' : 'http:'],
      timeout: 30_000,
    })
    request.on('timeout', () => request.destroy(new Error('no answer in 30 s')))
    return new Promise((resolve, reject) => request.on('response', resolve).on('error', reject).end())
  }

  async function answer(incoming: http.IncomingMessage, outgoing: http.ServerResponse): Promise<void> {
    const wanted = new URL(incoming.url ?? '', 'http://unknown')
    const target = inMirror(mirror, wanted.href)
    let found: http.IncomingMessage | undefined
    if (target !== undefined) {
      try {
        found = await ask(target, incoming)
      } catch (error) {
        const problem =
          error instanceof Error ? error.message || ('code' in error ? String(error.code) : error.name) : ''
        unanswered ??= { asked: withoutPasswords(`GET ${target}`), problem: withoutPasswords(problem) }
        throw error
      }
      // If a mirror refuses or is broken, it has not answered the request either.
      const status = found.statusCode ?? 500
      if (status >= 400 && status !== 404)
        unanswered ??= { asked: withoutPasswords(`GET ${target}`), problem: `HTTP ${status}` }
    }
    if (found === undefined || found.statusCode === 404) {
      found?.resume()
      found = await ask(wanted, incoming)
    }
    outgoing.writeHead(found.statusCode ?? 502, found.headers)
    found.pipe(outgoing)
    found.on('error', () => outgoing.destroy())
  }

  const server = http.createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.headersSent || outgoing.writeHead(502).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    environment: { http_proxy: url, HTTP_PROXY: url },
    unanswered: () => unanswered,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}
