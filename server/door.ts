import { once } from 'node:events'
import { type AddressInfo, createServer, type Server as Socket } from 'node:net'
import { type Server, ServerCredentials } from '@grpc/grpc-js'
import type { ClusterView } from './cluster/view.ts'
import { causeText } from './errors.ts'
import type { Log } from './log.ts'

/** Where connections come in. */
export type Door = {
  /** Starts to accept connections and resolves with the port. Rejects if the port is not available. */
  open(): Promise<number>
  /** Accepts no more connections; existing ones stay. */
  shut(): void
}

/** The most connections at a time, about 25 KiB each. The balancer has one for every call in progress. */
export const MOST_CONNECTIONS = 4096

/**
 * A door on all IPv4 addresses, at `port` (0: any free one), that passes connections to the gRPC server. The socket is not
 * grpc-js's own, because grpc-js cannot stop listening without closing its connections. There is no TLS: the balancer or the
 * network encrypts. Connections above the limit are closed at once, and `turnedAway` is called for each: a client that opens
 * thousands must not use up the memory of the others.
 */
export function makeDoor(server: Server, port: number, turnedAway: () => void): Door {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  let socket: Socket | undefined
  return {
    async open() {
      const opened = createServer({ noDelay: true }, (connection) => injector.injectConnection(connection))
      opened.maxConnections = MOST_CONNECTIONS
      opened.on('drop', turnedAway)
      socket = opened
      await once(opened.listen(port, '0.0.0.0'), 'listening')
      return (opened.address() as AddressInfo).port
    },
    shut() {
      socket?.close()
      socket = undefined
    },
  }
}

/**
 * Keeps the door shut while no database can be read. A balancer does not read gRPC answers: it skips a server only if it
 * cannot connect. `dismiss` ends the balancer's open connections. The returned function stops this.
 */
export function attendDoor(door: Door, view: ClusterView, dismiss: () => void, log: Log): () => void {
  const leave = () => {
    log.warn({ reason: view.reason() }, 'no database to read from: accepting no connections')
    door.shut()
    dismiss()
  }
  const comeBack = (readable: string) =>
    door.open().then(
      () => log.info({ readable }, 'accepting connections again'),
      (error: unknown) => {
        log.fatal({ cause: causeText(error) }, 'the port is no longer available')
        process.exit(1)
      },
    )

  let attending = true
  view.onChange(({ readable, previousReadable }) => {
    if (!attending || (readable === undefined) === (previousReadable === undefined)) return
    if (readable === undefined) leave()
    else void comeBack(readable)
  })
  if (view.readable() === undefined) leave()
  return () => {
    attending = false
  }
}
