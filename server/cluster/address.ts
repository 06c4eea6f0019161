import { type LookupAddress, lookup } from 'node:dns'
import { type LookupFunction, Socket } from 'node:net'

/** Milliseconds that a look-up may take; after that the last known address is used. */
const LOOKUP_PATIENCE_MS = 300

const lastSeen = new Map<string, LookupAddress[]>()
const underWay = new Map<string, Promise<LookupAddress[]>>()

// getaddrinfo blocks one of libuv's few threads, for seconds if the host is dead and the resolver does not answer. So there
// is one look-up per host at a time, and meanwhile the last known address is used: otherwise connections to living hosts
// would have to wait.
function addressesOf(host: string): Promise<LookupAddress[]> {
  const running = underWay.get(host)
  if (running) return running
  const started = new Promise<LookupAddress[]>((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => {
      underWay.delete(host)
      if (error) return reject(error)
      lastSeen.set(host, addresses)
      resolve(addresses)
    })
  })
  underWay.set(host, started)
  return started
}

const lookupOnce: LookupFunction = (host, options, callback) => {
  let answered = false
  const answer = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => {
    if (answered) return
    answered = true
    clearTimeout(patience)
    const first = addresses[0]
    if (error || !first) return callback(error ?? new Error(`no address for ${host}`), '', 0)
    if (options.all) callback(null, addresses)
    else callback(null, first.address, first.family)
  }
  const patience = setTimeout(() => {
    const known = lastSeen.get(host)
    if (known) answer(null, known)
  }, LOOKUP_PATIENCE_MS)
  addressesOf(host).then(
    (addresses) => answer(null, addresses),
    (error: NodeJS.ErrnoException) => answer(error, []),
  )
}

/** The open sockets to each host, and what was read from closed ones. */
const heard = new Map<string, { open: Set<Socket>; closed: number }>()

function listenTo(host: string, socket: Socket): void {
  const from = heard.get(host) ?? { open: new Set(), closed: 0 }
  heard.set(host, from)
  from.open.add(socket)
  socket.once('close', () => {
    from.open.delete(socket)
    from.closed += socket.bytesRead
  })
}

/** Bytes that this process has read from a host until now, over all of its connections. */
export function bytesFrom(host: string): number {
  const { open, closed } = heard.get(host) ?? { open: [], closed: 0 }
  let bytes = closed
  for (const { bytesRead } of open) bytes += bytesRead
  return bytes
}

/** A socket for one connection to a database, not connected yet, that resolves names as above. */
export function makeSocket(): Socket {
  const socket = new Socket()
  const connect = socket.connect.bind(socket)
  // pg calls connect(port, host) on the socket it is given and offers no other place for a look-up of one's own.
  const connectWithLookup = (port: number, host: string) => {
    listenTo(host, socket)
    return connect({ port, host, lookup: lookupOnce })
  }
  return Object.assign(socket, { connect: connectWithLookup })
}
