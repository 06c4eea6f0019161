import type { Server } from 'node:http'
import type { Registry } from 'prom-client'

// An `import` would load all that it offers: its client of WebSockets alone takes 30 ms at each start.
const { createServer } = process.getBuiltinModule('node:http')

/** Whether the server takes calls, and if not, why. */
export type Readiness = { ready: boolean; reason: string }

/** Serves /metrics (Prometheus) and /ready (200 or 503, with the reason) over HTTP on all addresses. */
export function startAdmin(port: number, registry: Registry, readiness: () => Readiness): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0]
    if (path === '/ready') {
      const { ready, reason } = readiness()
      response.writeHead(ready ? 200 : 503, { 'content-type': 'text/plain' }).end(`${reason}\n`)
    } else if (path === '/metrics') {
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      )
    } else {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Ask for /ready or /metrics.\n')
    }
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '0.0.0.0', () => resolve(server))
  })
}
