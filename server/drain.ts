import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Http2Session, ServerHttp2Stream } from 'node:http2'
import type { Server } from '@grpc/grpc-js'
import type { Door } from './door.ts'
import type { Log } from './log.ts'
import { atMost } from './shutdown.ts'

/** How long connections get to be used once more before they are closed unused, milliseconds. */
const LAST_USE_MS = 1000
/** Channel of node:diagnostics_channel. */
const STREAM_CREATED = 'http2.server.stream.created'

/** Ways to be rid of the server's connections without breaking a call. */
export type Connections = {
  /** Tells all of them to go away, each as soon as it carries no call. */
  dismiss(): void
  /** Empties the server for good. */
  drain(door: Door): Promise<void>
}

/**
 * Watches the server's connections, for an orderly stop. A balancer keeps connections and may send a call on one in
 * the very moment in which it is closed, and such a call fails. So each connection is told to go away (GOAWAY) while
 * it carries a call, when the balancer cannot be sending another: the call ends well and the connection is not used
 * again. Connections not used by then are closed. All of it together takes no longer than `graceSeconds`: calls still
 * in flight then are ended.
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
    // Only after this call has been taken in, or it would count as one that came too late.
    if (draining) setImmediate(() => session.close())
  }
  // Node's own announcement of new streams, since grpc-js keeps its sessions to itself.
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
