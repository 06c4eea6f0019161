import type { Socket } from 'node:net'
import type { ClientBase, ClientConfig } from 'pg'
import type { DatabaseAddress } from '../settings.ts'
import { makeSocket } from './address.ts'

/** The user and the database of a connection. */
export type Identity = { user: string; password: string; database: string; application: string }

/** pg's settings for one connection; `statementTimeoutMs` is enforced by the database. */
export function connectionConfig(address: DatabaseAddress, identity: Identity, statementTimeoutMs: number) {
  return {
    host: address.host,
    port: address.port,
    user: identity.user,
    password: identity.password,
    database: identity.database,
    application_name: identity.application,
    statement_timeout: statementTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5000,
    stream: makeSocket,
  } satisfies ClientConfig
}

type Wire = { processID: number; secretKey: number; connection: { stream: Socket } }

/** Parts of a pg connection that its types do not show: the socket, and the key that cancels its queries. */
export function wireOf(client: ClientBase): Wire {
  return client as ClientBase & Wire
}

const CANCEL_REQUEST_CODE = 80877102
const CANCEL_PATIENCE_MS = 1000

/**
 * Asks the database to cancel what the connection runs (PostgreSQL protocol, "Canceling Requests in Progress").
 * Resolves when the database has closed the request's socket: only after that it cannot cancel a later query.
 */
export function cancelQuery(address: DatabaseAddress, client: ClientBase): Promise<void> {
  const { processID, secretKey } = wireOf(client)
  const request = Buffer.alloc(16)
  request.writeInt32BE(16, 0)
  request.writeInt32BE(CANCEL_REQUEST_CODE, 4)
  request.writeInt32BE(processID, 8)
  request.writeInt32BE(secretKey, 12)
  return new Promise((resolve) => {
    const socket = makeSocket()
    socket.setTimeout(CANCEL_PATIENCE_MS, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve())
    socket.on('connect', () => socket.end(request))
    socket.resume()
    socket.connect(address.port, address.host)
  })
}
