// A registry of images that keeps what is pushed to it in memory: as much of the OCI distribution API as Docker uses.
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'

type Kept = { readonly type: string; readonly body: Buffer }

const digestOf = (body: Buffer): string => `sha256:${createHash('sha256').update(body).digest('hex')}`

/** Starts one on this machine until the test is over; gives its host:port. */
export async function startRegistry(t: Test): Promise<string> {
  const kept = new Map<string, Kept>()
  const uploads = new Map<string, Buffer>()
  const server = createServer(async (request, answer) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://registry')
    const body = await buffer(request)
    const upload = /^(.*\/blobs\/uploads\/)([^/]*)$/.exec(pathname)
    if (pathname === '/v2/') return void answer.end('{}')
    if (upload !== null) {
      const id = upload[2] || randomUUID()
      const whole = Buffer.concat([uploads.get(id) ?? Buffer.alloc(0), body])
      const digest = searchParams.get('digest')
      if (digest === null) {
        uploads.set(id, whole)
        answer.writeHead(202, { location: `${upload[1]}${id}`, range: `0-${Math.max(whole.length - 1, 0)}` })
      } else {
        kept.set(digest, { type: 'application/octet-stream', body: whole })
        answer.writeHead(201, { location: pathname, 'docker-content-digest': digest })
      }
      return void answer.end()
    }
    const name = pathname.split('/').at(-1) ?? ''
    if (request.method === 'PUT') {
      const manifest = { type: request.headers['content-type'] ?? '', body }
      kept.set(name, manifest).set(digestOf(body), manifest)
      return void answer.writeHead(201, { 'docker-content-digest': digestOf(body) }).end()
    }
    const found = kept.get(name)
    if (found === undefined) return void answer.writeHead(404).end('{}')
    answer.writeHead(200, {
      'content-type': found.type,
      'content-length': found.body.length,
      'docker-content-digest': digestOf(found.body),
    })
    answer.end(request.method === 'HEAD' ? undefined : found.body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}
