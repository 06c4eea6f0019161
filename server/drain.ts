import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Http2Session, ServerHttp2Stream } from 'node:http2'
import type { Server } from '@grpc/grpc-js'
import type { Door } from './door.ts'
import type { Log } from './log.ts'
import { atMost } from './shutdown.ts'

/** Milliseconds in which a connection may be used once more; after that an unused one is closed. */
const LAST_USE_MS = 1000
/** Channel of node:diagnostics_channel. */
const STREAM_CREATED = 'http2.server.stream.created'

/** Ways to close the server's connections without breaking a call. */
export type Connections = {
  /** Tells all connections to close, each as soon as it has no call. */
  dismiss(): void
  /** Closes all connections for good. */
  drain(door: Door): Promise<void>
}

/**
 * Watches the server's connections, for a clean stop. A balancer keeps connections open. If one is closed in the moment in
 * which the balancer sends a call on it, that call fails. So each connection gets a GOAWAY while it has a call, because then
 * the balancer cannot be sending another one: the call ends well, and the connection is not used again. Connections that
 * stay unused are closed. After `graceSeconds` calls that are still in progress are ended.
 */
export function watchConnections(server: Server, graceSeconds: number, log: Log): Connections {
  const sessions = new Set<Http2Session>()
  let draining = false
  let allGone = () => {}

  const onStream = (message: unknown) => {
    const { session } = (message as { stream: ServerHttp2Stream }).stream
    if (!session) return
    if (!sessions.has(session)) {
      sessions.add(session)
      session.once('close', () => {
        sessions.delete(session)
        if (sessions.size === 0) allGone()
      })
    }
    // The GOAWAY goes out only after this call has been accepted: otherwise the call would count as one that came too late.
    if (draining) setImmediate(() => session.close())
  }
  // Node announces new streams; grpc-js does not show its sessions.
  subscribe(STREAM_CREATED, onStream)

  async function drain(door: Door): Promise<void> {
    const force = setTimeout(() => {
      log.warn({ graceSeconds }, 'calls still in flight after the grace period: ending them')
      server.forceShutdown()
    }, graceSeconds * 1000)
    door.shut()
    draining = true
    if (sessions.size > 0) await atMost(LAST_USE_MS, new Promise<void>((resolve) => (allGone = resolve)))
    await new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
    clearTimeout(force)
    unsubscribe(STREAM_CREATED, onStream)
  }

  return {
    dismiss() {
      for (const session of sessions) session.close()
    },
    drain,
  }
}
