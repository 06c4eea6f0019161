import { once } from 'node:events'
import { type AddressInfo, createServer, type Server as Socket } from 'node:net'
import { type Server, ServerCredentials } from '@grpc/grpc-js'
import type { ClusterView } from './cluster/view.ts'
import { causeText } from './errors.ts'
import type { Log } from './log.ts'

/** Where connections come in. */
export type Door = {
  /** Accepts connections; resolves with the port when it does. Rejects where the port cannot be had. */
  open(): Promise<number>
  /** Accepts no more connections; those that exist stay. */
  shut(): void
}

/** The most connections at a time, some 25 KiB each; the balancer keeps one for every call under way. */
export const MOST_CONNECTIONS = 4096

/**
 * A door on all IPv4 addresses, at `port` or at any free one for 0, that hands connections to the gRPC server. The socket
 * is ours and not grpc-js's because grpc-js can stop listening only by closing the connections as well.
 * Without TLS: encryption is the balancer's or the network's. Connections beyond the most are closed at once, and
 * `turnedAway` hears of each: whoever opens thousands must not take the memory that others are served with.
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
 * Keeps the door shut while no database can be read: a balancer does not look into gRPC answers, it takes a server out
 * only when it cannot connect. `dismiss` ends the connections that it keeps. The answer ends this.
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
        log.fatal({ cause: causeText(error) }, 'the port cannot be had again')
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
