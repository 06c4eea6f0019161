import type { IncomingHttpHeaders } from 'node:http2'
import { type Failure, fail, invalidField } from '../errors.ts'
import { CONSISTENCY_TOKEN, IDEMPOTENCY_KEY } from './metadata.ts'
import { LIMITS } from './validation.ts'

/** A service and a method. gRPC would repeat any other path in a message that a balancer does not accept. */
const PATH = /^\/[\w.]{1,200}\/\w{1,100}$/
/** `grpc-timeout`, as gRPC has it. */
const TIMEOUT = /^(\d{1,8})([HMSmun])$/
const ENCODING = /^[\w.-]{1,20}$/
/** What gRPC allows in metadata. Its library drops everything else silently. */
const NAME = /^[0-9a-z_.-]{1,100}$/
const VALUE = /^[ -~]*$/
/** Metadata that the service reads, each at most once. */
const READ = [IDEMPOTENCY_KEY, CONSISTENCY_TOKEN]

const MS = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 } as const
/** The longest time that Node's timers can count is 2^31 ms, a little more than this. */
const LONGEST_TIMEOUT = '596H'
const LONGEST_TIMEOUT_MS = 596 * MS.H

/**
 * Why a call is refused at once: the gRPC library would drop or misread part of it, or give an answer so long that a balancer
 * takes the server for broken. `raw` has names and values in turn, as they came.
 */
export function refusalOf(headers: IncomingHttpHeaders, raw: readonly string[]): Failure | undefined {
  if (sizeOf(raw) > LIMITS.metadataBytes)
    return fail('METADATA_TOO_LARGE', `metadata: must be at most ${LIMITS.metadataBytes} bytes`)
  if (headers[':method'] !== 'POST') return invalidField(':method', 'must be POST')
  if (!isGrpc(headers)) return invalidField('content-type', 'must be application/grpc')
  if (!PATH.test(headers[':path'] ?? '')) return fail('UNKNOWN_METHOD', 'The server does not implement the method')
  const timeout = headers['grpc-timeout']
  if (timeout !== undefined && !TIMEOUT.test(String(timeout)))
    return invalidField('grpc-timeout', 'must be 1 to 8 digits and one of H, M, S, m, u, n')
  const encoding = headers['grpc-encoding']
  if (encoding !== undefined && !ENCODING.test(String(encoding)))
    return invalidField('grpc-encoding', 'must be the name of an encoding')
  return metadataRefusal(raw)
}

/** True if the call says that it is a gRPC call. */
export function isGrpc(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.startsWith('application/grpc') === true
}

/** The `grpc-timeout` to use: as it came, or the longest that the library's timer can count. */
export function countable(timeout: string): string {
  const [, amount, unit] = TIMEOUT.exec(timeout) ?? []
  return Number(amount) * MS[unit as keyof typeof MS] > LONGEST_TIMEOUT_MS ? LONGEST_TIMEOUT : timeout
}

/** The size as HTTP/2 counts it: name, value and 32 bytes for each entry. */
function sizeOf(raw: readonly string[]): number {
  return raw.reduce((size, text) => size + text.length + 16, 0)
}

function metadataRefusal(raw: readonly string[]): Failure | undefined {
  const seen = new Set<string>()
  for (let nth = 0; nth < raw.length; nth += 2) {
    const [name = '', value = ''] = [raw[nth], raw[nth + 1]]
    if (name.startsWith(':')) continue
    if (!NAME.test(name)) return invalidField('metadata', 'names must be 1 to 100 of a-z, 0-9, _, - and .')
    if (!VALUE.test(value)) return invalidField(name, 'must be printable ASCII')
    for (const read of READ) {
      if (name === `${read}-bin`) return invalidField(name, `is not read: send ${read}, as text`)
      if (name === read && seen.has(name)) return invalidField(name, 'must be given once')
    }
    seen.add(name)
  }
  return undefined
}
