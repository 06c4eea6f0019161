import { createServer } from 'node:net'
import { type Server, ServerCredentials } from '@grpc/grpc-js'

/** The open door of the gRPC server. */
export type Listener = {
  /** Accepts no more connections; those that exist stay. */
  stopAccepting(): void
}

/**
 * Listens on all IPv4 addresses and hands connections to the gRPC server. The socket is ours and not grpc-js's because
 * grpc-js can stop listening only by closing the connections as well.
 * Without TLS: encryption is the balancer's or the network's.
 */
export function listen(server: Server, port: number): Promise<Listener> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const door = createServer({ noDelay: true }, (socket) => injector.injectConnection(socket))
  return new Promise((resolve, reject) => {
    door.once('error', reject)
    door.listen(port, '0.0.0.0', () => resolve({ stopAccepting: () => void door.close() }))
  })
}
