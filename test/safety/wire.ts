// Peers that do not behave: bytes on a socket, and HTTP/2 without a gRPC library in between.
import { once } from 'node:events'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import { Socket } from 'node:net'
import { patience } from '../the-lab.ts'

/** What every HTTP/2 client begins with: the preface and a SETTINGS frame, here an empty one. */
export const HELLO = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.alloc(9)])
HELLO[HELLO.length - 6] = 4

/** A connected socket, or undefined where there was no connection. */
export function open(address: string, seconds = 10): Promise<Socket | undefined> {
  const [host = '', port = ''] = address.split(':')
  const socket = new Socket()
  socket.on('error', () => {})
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), seconds * 1000 * patience)
    socket.once('close', () => resolve(undefined))
    socket.connect({ host, port: Number(port) }, () => {
      clearTimeout(timer)
      resolve(socket)
    })
  })
}

/** Waits until the peer has closed the connection; false if it has not in that time. */
export async function closedByPeer(socket: Socket, seconds = 10): Promise<boolean> {
  socket.resume()
  if (socket.destroyed) return true
  const late = AbortSignal.timeout(seconds * 1000 * patience)
  return once(socket, 'close', { signal: late }).then(
    () => true,
    () => false,
  )
}

/** How a request ended: what the answer said, or that the stream was reset or there was no answer in time. */
export type Ended =
  | { readonly status: number; readonly grpcStatus: string; readonly grpcMessage: string }
  | { readonly reset: string }

export type Session = {
  readonly http2: ClientHttp2Session
  /** Sends a body as it is, whatever it may be. */
  readonly post: (path: string, body: Buffer, headers?: Record<string, string>) => Promise<Ended>
  readonly close: () => void
}

const GRPC = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }

/** An HTTP/2 connection that sends whatever it is given. */
export function session(address: string, seconds = 10): Session {
  const http2 = connect(`http://${address}`)
  http2.on('error', () => {})
  const post: Session['post'] = (path, body, headers = {}) =>
    new Promise((resolve) => {
      const stream = http2.request({ ...GRPC, ':path': path, ...headers })
      let said: IncomingHttpHeaders = {}
      stream.on('response', (headers) => {
        said = { ...said, ...headers }
      })
      stream.on('trailers', (trailers) => {
        said = { ...said, ...trailers }
      })
      stream.setTimeout(seconds * 1000 * patience, () => stream.destroy(new Error('no answer in time')))
      stream.on('error', (error) => resolve({ reset: error.message }))
      stream.on('close', () =>
        resolve(
          said[':status'] === undefined
            ? { reset: `code ${stream.rstCode}` }
            : {
                status: Number(said[':status']),
                grpcStatus: String(said['grpc-status'] ?? ''),
                grpcMessage: decodeURI(String(said['grpc-message'] ?? '')),
              },
        ),
      )
      stream.resume()
      stream.end(body)
    })
  return { http2, post, close: () => http2.destroy() }
}

/** A gRPC message with its prefix, which may lie about compression and length. */
export function framed(message: Buffer, lie: { readonly compressed?: boolean; readonly length?: number } = {}): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = lie.compressed ? 1 : 0
  prefix.writeUInt32BE(lie.length ?? message.length, 1)
  return Buffer.concat([prefix, message])
}
