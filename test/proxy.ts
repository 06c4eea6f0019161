// A forward proxy as a school or a company has one: plain HTTP is fetched, everything else tunnelled (CONNECT).
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Test } from 'tap'

export type Proxy = {
  /** With user and password, which it insists on. */
  readonly url: string
  /** What it was asked for, `GET http://…` or `CONNECT host:port`. */
  readonly asked: readonly string[]
}

export const PASSWORD = 's3cret'

/** Starts a proxy on an address of this machine, until the test is over. */
export async function startProxy(t: Test, host = '127.0.0.1'): Promise<Proxy> {
  const asked: string[] = []
  const expected = `Basic ${Buffer.from(`ann:${PASSWORD}`).toString('base64')}`
  const open = new Set<Socket>()
  const server = createServer((incoming, answer) => {
    if (incoming.headers['proxy-authorization'] !== expected) return void answer.writeHead(407).end()
    asked.push(`${incoming.method} ${incoming.url}`)
    const { 'proxy-authorization': _, ...headers } = incoming.headers
    const onward = request(incoming.url ?? '', { method: incoming.method, headers }, (it) => {
      answer.writeHead(it.statusCode ?? 502, it.headers)
      it.pipe(answer)
    })
    onward.on('error', () => answer.destroy())
    incoming.pipe(onward)
  })
  server.on('connect', (incoming, client: Socket) => {
    if (incoming.headers['proxy-authorization'] !== expected) return void client.end('HTTP/1.1 407 No\r\n\r\n')
    asked.push(`CONNECT ${incoming.url}`)
    const [name, port] = (incoming.url ?? '').split(':')
    const onward = connect(Number(port), name, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      client.pipe(onward).pipe(client)
    })
    for (const [one, other] of [
      [client, onward],
      [onward, client],
    ] as const)
      one.on('error', () => other.destroy())
  })
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  server.listen(0, host)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://ann:${PASSWORD}@${host}:${port}`, asked }
}
