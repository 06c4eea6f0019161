// Peers that do not behave: bytes on a socket, and HTTP/2 without a gRPC library in between.
import { once } from 'node:events'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import { Socket } from 'node:net'
import { patience } from '../the-lab.ts'

/** What every HTTP/2 client begins with: the preface and a SETTINGS frame, here an empty one. */
export const HELLO = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.alloc(9)])
HELLO[HELLO.length - 6] = 4

/** A connected socket; undefined if there was no connection. */
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
  | { readonly status: number; readonly grpcStatus: string; readonly grpcMessage: string; readonly failure: string }
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
      const answered = () => {
        if (said[':status'] !== undefined)
          resolve({
            status: Number(said[':status']),
            grpcStatus: String(said['grpc-status'] ?? ''),
            grpcMessage: decodeURI(String(said['grpc-message'] ?? '')),
            failure: String(said['x-failure'] ?? ''),
          })
      }
      // As a client of gRPC does: a call is over when it is answered, whatever of it is not sent yet.
      stream.on('end', () => {
        answered()
        stream.close()
      })
      stream.on('close', () => {
        answered()
        resolve({ reset: `code ${stream.rstCode}` })
      })
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

/** A frame of HTTP/2 on the first stream. */
function frame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head[8] = 1
  return Buffer.concat([head, payload])
}

/** A length as HPACK writes it, in its seven bits and as many bytes more as it takes. */
function hpackLength(length: number): number[] {
  if (length < 127) return [length]
  const bytes = [127]
  let rest = length - 127
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return [...bytes, rest]
}

const hpackText = (text: string) => Buffer.concat([Buffer.from(hpackLength(text.length)), Buffer.from(text, 'latin1')])

/** The bytes of a call with these headers, whatever they may be: no library has looked at them. */
export function rawCall(headers: readonly (readonly [string, string])[], body: Buffer): Buffer {
  const block = Buffer.concat(headers.flatMap(([name, value]) => [Buffer.from([0]), hpackText(name), hpackText(value)]))
  const frames: Buffer[] = [HELLO]
  const size = 16_384
  for (let from = 0; from < block.length; from += size) {
    const [type, last] = [from === 0 ? 1 : 9, from + size >= block.length]
    frames.push(frame(type, last ? 4 : 0, block.subarray(from, from + size)))
  }
  return Buffer.concat([...frames, frame(0, 1, body)])
}

/** The headers that a call begins with. */
export const beginning = (path: string): [string, string][] => [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'polling'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
]

/** Sends bytes and waits until the first stream has ended, or the connection: true unless neither came in time. */
export async function ends(address: string, bytes: Buffer, seconds = 10): Promise<boolean> {
  const socket = await open(address)
  if (socket === undefined) return false
  let seen: Buffer = Buffer.alloc(0)
  const ended = new Promise<true>((resolve) => {
    socket.once('close', () => resolve(true))
    socket.on('data', (data) => {
      seen = Buffer.concat([seen, data])
      for (
        ;
        seen.length >= 9 && seen.length >= 9 + seen.readUIntBE(0, 3);
        seen = seen.subarray(9 + seen.readUIntBE(0, 3))
      ) {
        const [type, flags, stream] = [seen[3], seen[4] ?? 0, seen.readUInt32BE(5)]
        if (stream === 1 && (type === 3 || (type !== 9 && flags & 1))) resolve(true)
        if (type === 7) resolve(true)
      }
    })
  })
  socket.write(bytes)
  const late = new Promise<false>((resolve) => {
    socket.setTimeout(seconds * 1000 * patience, () => resolve(false))
  })
  const done = await Promise.race([ended, late])
  socket.destroy()
  return done
}
