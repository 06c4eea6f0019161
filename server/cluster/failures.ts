import { causeText, type Failure, fail } from '../errors.ts'
import { Silence } from './silence.ts'

/** The SQLSTATE of a database's error, or the system's code of a socket's error. */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof AggregateError && !('code' in error)) return errorCode(error.errors[0])
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

const SQLSTATE = /^[0-9A-Z]{5}$/

// 57P01-57P05: the server is stopping, starting or was crashed; class 08: connection exceptions.
const CONNECTION_GONE = /^(57P0[1-5]|08[0-9A-Z]{3})$/

/** True if the error ended the connection: then it must not go back to the pool. */
export function endsConnection(error: unknown): boolean {
  const code = errorCode(error)
  return code === undefined || !SQLSTATE.test(code) || code === 'EPIPE' || CONNECTION_GONE.test(code)
}

// The node itself says that it does not serve, or its name is gone: one such error is proof enough.
const REFUSALS = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P03'])

/** True if the error proves that the node does not serve now. A timeout is no proof: it may be a lost packet. */
export function isProof(error: unknown): boolean {
  if (error instanceof Silence) return true
  const code = errorCode(error)
  return code !== undefined && REFUSALS.has(code)
}

const DISK_FULL = '53100'

const exhausted = (database: string, code: string, error: unknown): Failure =>
  fail(
    'DATABASE_EXHAUSTED',
    `database ${database}: ${code === DISK_FULL ? 'its disk is full' : 'out of resources'}`,
    error,
  )

/** The failure for an error before the query was sent: nothing was written. */
export function connectFailure(database: string, error: unknown): Failure {
  const code = errorCode(error) ?? ''
  if (code.startsWith('53')) return exhausted(database, code, error)
  return fail('DATABASE_UNREACHABLE', `database ${database}: no connection`, error)
}

// Serialization failure (also: conflict with recovery), deadlock, cancelled query. These are definite: if a commit that
// waits for a synchronous standby is cancelled, there is a warning and no error.
const ABORTED = new Set(['40001', '40P01', '57014'])

/** The failure for an error after the query was sent. */
export function queryFailure(database: string, error: unknown, kind: 'read' | 'write'): Failure {
  const code = errorCode(error) ?? ''
  if (endsConnection(error)) {
    return kind === 'read'
      ? fail('READ_INTERRUPTED', `database ${database}: the connection ended`, error)
      : fail('CONNECTION_LOST', `database ${database}: the connection ended before the write was acknowledged`, error)
  }
  // In all cases below the database answered with an error, so it has rolled the statement back.
  // PostgreSQL gives the same error in recovery and if a setting says so.
  if (code === '25006') return fail('DATABASE_READ_ONLY', `database ${database} is read-only`, error)
  if (ABORTED.has(code)) {
    return kind === 'read'
      ? fail('READ_INTERRUPTED', `database ${database}: the query was cancelled`, error)
      : fail('WRITE_ABORTED', `database ${database}: the write was rolled back`, error)
  }
  if (code.startsWith('53')) return exhausted(database, code, error)
  return fail('INTERNAL', 'internal error', new Error(`database ${database}: ${causeText(error)}`, { cause: error }))
}
